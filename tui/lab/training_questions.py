"""Ready questions about training: how, and on what."""

from tui.lab.question import USERS_TEXT, Question, Version

ABOUT_TRAINING = (
    Question(
        key="optimizer",
        title="NorMuon or AdamW",
        before=(
            "Adam divides each step by the usual size of that weight's gradient; AdamW is the usual "
            "choice for a GPT. Muon looks at a whole matrix, and makes all its directions change "
            "alike; NorMuon then makes all its output neurons change alike, too. AdamW has the best of "
            "four rates that were tried on Shakespeare (0.001, 0.003, 0.006, 0.01), NorMuon that of "
            "the preset. Which comes further in as many steps?"
        ),
        versions=(
            Version(
                "NorMuon",
                "",
                "NorMuon leads: directions that the gradient hardly points to are learned as fast as the "
                "others. Its steps take longer: the chart by seconds (x) says what is left of it.",
            ),
            Version(
                "AdamW",
                "train.optimizer=adamw train.adam_learning_rate=0.01",
                "AdamW leads, against expectation: the rate of NorMuon may be wrong for this text.",
            ),
        ),
    ),
    Question(
        key="rate",
        title="a learning rate ten times too high, ten times too low",
        before=(
            "The learning rate is how far a step moves the weights. Here it is as the preset has it, "
            "ten times as high, and a tenth. Too low wastes steps; too high leaps "
            "over what it looks for. Which of the two mistakes costs more?"
        ),
        versions=(
            Version(
                "as it is",
                "",
                "The preset's rate leads, as it should: the next best tells which of the two mistakes "
                "costs less here.",
            ),
            Version(
                "ten times as high",
                "train.learning_rate=0.3 train.adam_learning_rate=0.03",
                "The high rate leads: with so few steps a large step pays, and the rate falls to zero "
                "by the end in any case. In a longer run it need not.",
            ),
            Version(
                "a tenth",
                "train.learning_rate=0.003 train.adam_learning_rate=0.0003",
                "The low rate leads: for this text the preset's rate is too high.",
            ),
        ),
        steps=600,
    ),
    Question(
        key="dropout",
        title="dropout on a small text",
        before=(
            "Both sides train on the first fiftieth of the text only, and see it many times: enough "
            "to learn some of it by heart, which helps little with the held-out part. Dropout zeroes "
            "a fifth of the activations at random, so that nothing can rely on a single one. Will "
            "that help against learning by heart, or only hold learning up?"
        ),
        versions=(
            Version(
                "without dropout",
                "",
                "Without dropout is ahead: in so few steps a model this small learns little by heart, "
                "and what is dropped is missing. With more passes that may turn.",
            ),
            Version(
                "with dropout",
                "model.dropout=0.2",
                "Dropout pays: the side without it has learned more of its small text by heart, and "
                "less that holds elsewhere.",
            ),
        ),
        settings="text.fraction=0.02",
    ),
    Question(
        key="passes",
        title="half the text, twice the passes",
        before=(
            "All sides take as many steps: on the whole training part, on its first half, which is "
            "seen twice as often, or on its first tenth, seen ten times as often. All are tested on "
            "the same held-out text. What is a text worth that one has seen already?"
        ),
        versions=(
            Version(
                "the whole text",
                "",
                "The whole text leads: what is new teaches more than what is seen again. Part of the "
                "gap may be that what was left out is more like the held-out part than the rest is.",
            ),
            Version(
                "half of it",
                "text.fraction=0.5",
                "Half the text leads: a second pass is worth as much as the first, and the first half "
                "may resemble the held-out part more than the rest does.",
            ),
            Version(
                "a tenth of it",
                "text.fraction=0.1",
                "A tenth of the text leads, against expectation: it must resemble the held-out part "
                "more than the rest does.",
            ),
        ),
    ),
    Question(
        key="shuffled",
        title="text shuffled by line, by word, by character",
        before=(
            "The sides train on the same characters in another order: the lines, the words or all "
            "characters of the training part are shuffled. All are tested on the text as it was "
            "written. What of it is in the order of lines, of words, of letters?"
        ),
        versions=(
            Version(
                "as it was written",
                "",
                "The text as it was written leads, of course. The gap to shuffled lines is what there "
                "is to learn across lines, that to shuffled words what is between words: most of what "
                "a small model knows is spelling.",
            ),
            Version(
                "lines shuffled",
                "text.shuffle=lines",
                "Shuffled lines lead: at this length nothing is learned across lines, and batches are "
                "more varied.",
            ),
            Version(
                "words shuffled",
                "text.shuffle=words",
                "Shuffled words lead, against expectation: the held-out part must be little like the "
                "rest.",
            ),
            Version(
                "characters shuffled",
                "text.shuffle=characters",
                "Shuffled characters lead, against expectation: all that they tell is how frequent "
                "each is.",
            ),
        ),
        steps=600,
    ),
    Question(
        key="tokens",
        title="characters, bytes or BPE",
        before=(
            "A token is a character, a byte of UTF-8, or a piece that byte pair encoding has learned "
            "from the text, here about two characters. All sides see as much text: with BPE in half "
            "the steps, and with more of it in the window; its embedding has more parameters. Losses "
            "are compared in bits per byte. Which side predicts best?"
        ),
        versions=(
            Version(
                "characters",
                "",
                "Characters lead: more steps on single characters teach more, in so short a training, "
                "than fewer steps on longer pieces.",
            ),
            Version(
                "bytes",
                "model.tokenizer=bytes",
                "Bytes lead. In plain English each character is one byte, so that little differs from "
                "the side with characters: it may be chance.",
            ),
            Version(
                "BPE",
                "model.tokenizer=bpe model.vocabulary=512",
                "BPE leads: frequent spellings are tokens, which the model need not learn to spell, and "
                "the window reaches further back. It took fewer steps, and so less time.",
            ),
        ),
        settings="train.val_characters=32768",
    ),
    Question(
        key="tales",
        title="one text tested on fairy tales",
        before=(
            "One side trains on fairy tales, the other on your text; both are tested on tales that "
            "neither has read. The language may be the same, the words and the voice are not. How "
            "much of what is learned from one text is true of another?"
        ),
        versions=(
            Version(
                "trained on tales",
                "",
                "The side that has read tales predicts tales better. The other has never seen one: "
                "compare its loss with that before the first step to see how much carries over.",
            ),
            Version(
                "trained on your text",
                f"text.train_on={USERS_TEXT}",
                "Your text leads, against expectation: it may be much like the tales, and longer.",
            ),
        ),
        text="tales",
    ),
)
