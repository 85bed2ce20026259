"""Ready questions about the parts of a model."""

from tui.lab.question import Question, Version

ABOUT_MODELS = (
    Question(
        key="attention",
        title="without attention",
        before=(
            "Attention lets the model look back at all the characters in its window. Without it, "
            "each prediction is made from the last character alone. How much of the loss is that "
            "worth, and can one tell by the samples?"
        ),
        versions=(
            Version(
                "with attention",
                "",
                "Looking back pays: without attention the last character is all there is to go by, "
                "so the best that can be reached is a table of letter pairs.",
            ),
            Version(
                "without attention",
                "model.attention=off",
                "That is against expectation, since the last character alone allows no more than a "
                "table of letter pairs. The side with attention may not have had the steps to learn "
                "where to look.",
            ),
        ),
    ),
    Question(
        key="positions",
        title="without positions",
        before=(
            "Attention weighs characters by what they are, not by where they stand. Rotary positions "
            "turn queries and keys by an angle for each place, so that distance counts; learned ones "
            "add a vector for each place to the embedding. What is left when there is neither?"
        ),
        versions=(
            Version(
                "rotary",
                "model.positions=rotary",
                "Rotary positions lead: they tell how far apart two characters are, in the same way "
                "wherever in the window they stand.",
            ),
            Version(
                "learned",
                "model.positions=learned",
                "Learned positions lead here, though each place has to be learned by itself.",
            ),
            Version(
                "no positions",
                "model.positions=none",
                "No positions lead here. The model is not blind to order even then: each character "
                "sees only those before it, and how many these are tells where it stands.",
            ),
        ),
        settings="model.local_start=0",
    ),
    Question(
        key="start",
        title="attention that begins nearby",
        before=(
            "Before the first step each attention head of the presets prefers one distance, 1 to 16 "
            "characters back, where it would otherwise look at all characters alike. Training may "
            "give that up. Is it ahead at first only, or still at the end?"
        ),
        versions=(
            Version(
                "nearby",
                "",
                "Beginning nearby pays: most of what a character depends on is a few characters "
                "back, and the other side has to find first that it is.",
            ),
            Version(
                "everywhere",
                "model.local_start=0",
                "Beginning everywhere leads here: in this text what is near may tell less, or the "
                "run was long enough to find better places to look at.",
            ),
        ),
    ),
    Question(
        key="residual",
        title="without residual connections",
        before=(
            "Each sublayer adds its result to its input; this path around it lets the gradient reach "
            "the first layer undiminished. Here four blocks are trained with and without it. Will "
            "the side without train more slowly, or not at all?"
        ),
        versions=(
            Version(
                "with residuals",
                "",
                "The path around the sublayers pays: without it, each of them has to pass on all "
                "that later ones need, and the gradient has to come back through all of them.",
            ),
            Version(
                "without residuals",
                "model.residual=off",
                "That is against expectation: residual connections were invented for deep networks, "
                "and four blocks with norms may be too few to need them.",
            ),
        ),
        steps=600,
        settings="model.n_layer=4 model.local_start=0",
    ),
    Question(
        key="norms",
        title="without norms",
        before=(
            "Before each sublayer, activations are scaled to the same size, and so are queries and "
            "keys. Without these norms the sizes may grow from layer to layer and from step to step. "
            "Will training run away, be slower, or not mind?"
        ),
        versions=(
            Version(
                "with norms",
                "",
                "Norms pay: they keep every layer in the range for which the learning rate was "
                "chosen. Without them a lower rate may do better than this one.",
            ),
            Version(
                "without norms",
                "model.norm=none model.qk_norm=off",
                "The side without norms leads: at this depth and length activations stay in range by "
                "themselves. In a deeper model that is less likely.",
            ),
        ),
        settings="model.local_start=0",
    ),
    Question(
        key="heads",
        title="one head or eight",
        before=(
            "One attention head of 64 numbers, or eight of 8: the parameters are the same. One head "
            "compares by more numbers, eight can look at eight places at once. Which do "
            "you expect to predict better?"
        ),
        versions=(
            Version(
                "one head",
                "model.n_head=1",
                "One wide head leads: at this size comparing by many numbers is worth more than "
                "looking at several places at once.",
            ),
            Version(
                "eight heads",
                "model.n_head=8",
                "Eight narrow heads lead: looking at several places at once is worth more than "
                "comparing by many numbers.",
            ),
        ),
        equal_parameters=True,
    ),
    Question(
        key="activation",
        title="GELU, squared ReLU or SwiGLU",
        before=(
            "The MLP needs a nonlinearity, else its two matrices would be one. GELU is that of "
            "GPT-2, squared ReLU is zero below zero and grows fast above, SwiGLU multiplies by a gate "
            "(its hidden layer is narrower, so that parameters are equal). How much does it matter?"
        ),
        versions=(
            Version(
                "GELU", "model.activation=gelu", "GELU leads, on this text and at this length."
            ),
            Version(
                "squared ReLU",
                "model.activation=squared_relu",
                "Squared ReLU leads; it is also the one that this program has by default.",
            ),
            Version(
                "SwiGLU",
                "model.activation=swiglu",
                "SwiGLU leads, as in many of the large models that use it.",
            ),
        ),
        steps=600,
        equal_parameters=True,
    ),
    Question(
        key="depth",
        title="deep and narrow or wide and shallow",
        before=(
            "The same number of parameters, as nine blocks of width 44 or as two of width 92. A deep "
            "model can build on what earlier blocks have found; a wide one has more room for it in "
            "each. Which comes further on the same characters, and which in the same time?"
        ),
        versions=(
            Version(
                "deep",
                "model.n_layer=9 model.n_embd=44",
                "Deep and narrow leads by characters. Its steps take longer: by seconds it may "
                "be another race.",
            ),
            Version(
                "wide",
                "model.n_layer=2 model.n_embd=92",
                "Wide and shallow leads: at this size two blocks are enough, and width is the better "
                "use of parameters.",
            ),
        ),
        steps=400,
        equal_parameters=True,
    ),
    Question(
        key="context",
        title="a short context or a long one",
        before=(
            "One side sees 16 characters at once, three words or so, the other 128, some lines. "
            "Both are trained on the same number of characters a step: more windows where they are "
            "shorter. How much is there to gain from what stands further back?"
        ),
        versions=(
            Version(
                "16 characters",
                "model.context_length=16 train.batch_size=64",
                "The short context leads: a model of this size has not learned to use more in so few "
                "steps, and many short windows are more varied than a few long ones.",
            ),
            Version(
                "128 characters",
                "model.context_length=128 train.batch_size=8",
                "The long context leads: what stands more than 16 characters back helps, and the "
                "first characters of a window, which have little before them, are fewer.",
            ),
        ),
    ),
)
