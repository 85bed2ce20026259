"""Texts from elsewhere: by URL, from the Hugging Face Hub, or known by name. They are fetched only
where that was asked for, kept in the home folder, and read; nothing in them is ever executed."""
