"""Pure functions from numbers to styled text: no app, no widget, no clock."""
