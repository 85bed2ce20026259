"""A report as one page of HTML, of what the engine has gathered."""
