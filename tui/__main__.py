"""`python -m tui` is the command `tinygpt-tui`."""

from tui.cli.start import main

if __name__ == "__main__":
    main()
