"""`python -m tui` is the command `tinygpt-tui`."""

from tui.cli.main import main

if __name__ == "__main__":
    main()
