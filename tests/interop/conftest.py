"""Tests in the programs that read what is exported: `make interop` installs them."""
