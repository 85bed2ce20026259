"""How many distinct characters a text may have."""

MAX_VOCABULARY = 50_000
"""More make no sense: a large library of Chinese has some 20,000."""


def check_vocabulary(distinct: int) -> None:
    """ValueError, with a user-facing message, for more distinct characters than make sense.

    Each takes a row of the embedding and of the head, and a logit at every position.
    """
    if distinct > MAX_VOCABULARY:
        raise ValueError(
            f"The text has {distinct:,} different characters, and no language needs more than "
            f"{MAX_VOCABULARY:,}: it looks like a table of characters or a binary file. Take "
            "another text, or name its --encoding."
        )
