"""Opens, trains, samples and saves runs: one loop on one thread."""
