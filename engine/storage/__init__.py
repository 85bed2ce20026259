"""Run folders on disk. Imports neither torch nor Numba to list and describe them."""
