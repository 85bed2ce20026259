"""The GPT: its architecture, its compiled kernels and decoder, its tokenizer."""
