"""The app in a browser: a guard and a plan for the sessions around textual-serve, an extra."""
