"""What the words on the screen mean, with the numbers of the open run."""

from tui.drawing.words import count, counted, rate
from tui.drawing.words import size as size_of
from tui.read.alphabet import TITLES
from tui.state import RunState
from tui.tokens import different, in_words, speed_unit, tokens_of, uniform_loss, with_bits


def terms(state: RunState) -> list[tuple[str, str]]:
    """Each word with its meaning. All text in it is safe to draw."""
    return [
        *_of_the_loss(state),
        *_of_the_run(state),
        *_of_a_step(state),
        *_of_answers(state),
        *_of_reading(state),
    ]


def _of_the_loss(state: RunState) -> list[tuple[str, str]]:
    corpus, evaluated, best = state.corpus, state.evaluated, state.best
    tokens, noun = tokens_of(state), tokens_of(state).noun
    uniform = (
        f"{count(different(corpus, tokens))} {noun}s has {uniform_loss(corpus, tokens):.2f}"
        if corpus
        else "65 characters has 4.17"
    )
    held_out = f" ({count(corpus.validation_characters)} characters)" if corpus else ""
    now = f" Now it is {with_bits(evaluated.loss, tokens)}." if evaluated else ""
    lowest = f" Here: {with_bits(best.loss, tokens)}, at step {count(best.step)}." if best else ""
    right = f" Now: {evaluated.accuracy:.0%} of them." if evaluated else ""
    return [
        (
            "loss",
            f"How surprised the model is by the next {noun}, in nats: ln(1 / the probability "
            f"that it gave it). 0 is certain; a uniform guess among {uniform}.",
        ),
        (
            "training loss ━",
            "The loss on the batch of each step, before the model learns from it: the mean of the "
            "newest steps. The grey dots behind the line are the single steps.",
        ),
        (
            "held-out loss ◆",
            f"The loss on the last part of the text{held_out}, which it never trains on: it shows "
            "whether the model has learned the language or memorised the text. Files and the "
            f"command line call it validation loss.{now}",
        ),
        ("best", f"The lowest held-out loss of the run; its checkpoint is kept.{lowest}"),
        *_of_the_ladder(state),
        (
            "learns by heart",
            "The training loss falls on, the held-out loss does not: it memorises the text instead "
            "of learning what is general in it. A longer text, a smaller model or dropout helps.",
        ),
        (
            "bits/byte, bits/char",
            "The held-out loss in bits, for each byte of the text in UTF-8, or each character: how well "
            "the text could be compressed. By bits/byte, runs compare that read it in other pieces.",
        ),
        ("perplexity", f"How many equally likely {noun}s would give the same loss."),
        ("right", f"How often its most likely next {noun} is the true one, held out.{right}"),
        ("✶", "A step whose loss lies far above the noise: unusual text, or too high a rate."),
        (
            "+  ↑  ↓  »  Y  t  #",
            "What happened there; the cursor of the chart tells more: a longer context, a learning "
            "rate raised or lowered, trained on beyond the end, forked from another run (whose curve "
            "is drawn, too), another text taught, another number of threads (only where the axis is time).",
        ),
        (
            "▲",
            "Here the loss lies above the chart: the newest losses are drawn larger; a shows all.",
        ),
    ]


def _of_the_ladder(state: RunState) -> list[tuple[str, str]]:
    frequencies = state.ladder.loss("letter frequencies")
    if frequencies is None and state.corpus:
        frequencies = state.corpus.unigram_loss
    unigram = "" if frequencies is None else f" Here it is {frequencies:.2f}."
    rungs = ", ".join(rung.value for rung in state.ladder.rungs)
    return [
        (
            "uniform guess",
            f"All {tokens_of(state).noun}s are equally likely: every run starts there.",
        ),
        (
            "letter frequencies",
            "The loss of a guess that knows only how often each character occurs." + unigram,
        ),
        (
            "rung ✓",
            "The held-out loss of a simple model of the same text, to climb past. An n-gram model "
            "guesses a character from the few before it, by counting what followed them: pairs look "
            "back at one character, groups of six at five. xz is a program that compresses files. "
            f"✓: passed.{f' Here: {rungs}.' if rungs else ''}",
        ),
    ]


def _of_the_run(state: RunState) -> list[tuple[str, str]]:
    corpus, opened, saved = state.corpus, state.opened, state.saved
    tokens = tokens_of(state)
    reads = "The model reads and writes single characters, no words."
    if tokens.noun == "token":
        reads = f"The model reads and writes tokens{in_words(tokens)}."
    this = f" This one is {opened.run}." if opened else ""
    size = (
        f" Preset {opened.config.preset} with this text: {count(opened.parameters)}."
        if opened
        else ""
    )
    split = (
        f" Of its {counted(corpus.characters, 'character')}, it trains on {count(corpus.train_characters)}."
        if corpus
        else ""
    )
    last = f" Saved last at step {count(saved.step)}." if saved else ""
    moments = state.moments.kept
    kept = f" Here: {len(moments.steps)}, {size_of(moments.bytes)}." if moments else ""
    interval = f" (here every {count(opened.config.train.evaluation_interval)})" if opened else ""
    return [
        (
            "run",
            "A model with its text, settings and training, saved under a name of its own." + this,
        ),
        (f"text, {tokens.noun}s", reads + split),
        (
            "seen",
            f"{tokens.noun.title()}s trained on, in multiples of what it trains on (epochs).",
        ),
        ("M, K", "Millions or thousands of parameters: the numbers that training changes." + size),
        (
            "evaluation",
            f"From time to time{interval} steps, the held-out loss is taken, on a fixed sample of "
            "a long text, and a sample is written.",
        ),
        (
            "checkpoint",
            "Everything that the next step depends on, saved: at evaluations, at pauses, at the "
            "end, and at least once a minute." + last,
        ),
        (
            "kept moments",
            "Steps whose weights are kept to look back at: 0, 1, 2, 4, 8 … and every evaluation, "
            f"within a budget (train.moments_mb).{kept}",
        ),
        (
            "untrained … failed",
            "The state of the run: untrained, training, paused, done (at its planned end), failed "
            "(a loss that is no number), following (another program trains it).",
        ),
    ]


def _of_a_step(state: RunState) -> list[tuple[str, str]]:
    opened, last, noun = state.opened, state.last_step, tokens_of(state).noun
    config = opened.config if opened else None
    batch = (
        f" Here: {count(config.train.batch_size * config.model.context_length)} {noun}s."
        if config
        else ""
    )
    length = f" Here: {counted(config.model.context_length, noun)}." if config else ""
    rates = f" Now {rate(last.learning_rate)}, peak {rate(state.learning_rate)}." if last else ""
    gradient = f" Now: {last.gradient_norm:.3f}." if last else ""
    machine = f" {opened.choice}." if opened and opened.choice else ""
    return [
        ("step", "One batch of the text, then one change of the weights." + batch),
        (
            "speed",
            f"{noun.title()}s trained on each second ({speed_unit(state)}), over the newest steps.",
        ),
        (
            "time left, so far",
            "Seconds of training, evaluations and samples included; what is left is estimated.",
        ),
        (
            "learning rate",
            "How far a step moves the weights. It rises to its peak, stays, and falls to zero; "
            "< and > move the peak." + rates,
        ),
        (
            "gradient norm",
            "The length of the gradient: how steeply the loss changes with the weights." + gradient,
        ),
        (
            "context",
            f"How many {noun}s it sees at once. Early in a run it is trained and evaluated on "
            "short contexts: spelling comes first." + length,
        ),
        ("computes on", "The processor or GPU, and how many threads share a step." + machine),
        (
            "precision",
            "The number format of products. float32 is the most exact; bfloat16, or int16 and int8 "
            "(integers, to which rows and columns are scaled), are faster on some processors.",
        ),
    ]


def _of_answers(state: RunState) -> list[tuple[str, str]]:
    writing = state.writing
    copies = writing.copies if writing else None
    longest = f" Here: {copies.summary}." if copies and not copies.found.refused else ""
    by = f" The one on the screen: step {count(writing.step)}." if writing else ""
    return [
        ("sample", "Text written at an evaluation, always from the same prompt."),
        (
            "answer",
            "Text written to your prompt by the model at the step named beside it. The "
            "prompt is underlined; ■ is the end." + by,
        ),
        (
            "copy",
            "What of an answer stands exactly so in the text that it trains on, for 20 characters "
            "or more, is bold and underlined. Short ones are names and phrases; longer and longer "
            "ones mean that the model learns by heart." + longest,
        ),
        (
            "never seen",
            "Characters of a prompt that the text does not have: the model cannot read them.",
        ),
        (
            "temperature, top-k, top-p",
            f"The model gives each {tokens_of(state).noun} a probability, and one is drawn. These settings favour "
            "the likely ones; a seed makes the draws repeatable.",
        ),
    ]


def _of_reading(state: RunState) -> list[tuple[str, str]]:
    passage, noun = state.insight.passage, tokens_of(state).noun
    units = "in bits" if noun == "character" else "in nats and in bits per byte (bit/B)"
    mean = f" Here: {passage.read.bits:.2f} on average." if passage else ""
    return [
        (
            "surprise, bits",
            f"How unexpected a {noun} was: 0 bits is certain, and each bit halves the "
            "probability that the model gave it. The loss is the mean surprise, in nats." + mean,
        ),
        ("rank", f"The place of the true next {noun} among the likeliest: 1 is the likeliest."),
        (
            "entropy",
            f"How undecided the model is before it sees the next {noun}, in bits: the surprise "
            "that it expects.",
        ),
        (
            "through the layers",
            "The logit lens: what the model would say if it ended after the embedding, or after "
            "this block. Beside it, how much attention and MLP add to the stream between blocks.",
        ),
        (
            "head",
            f"A part of attention. Its brightness shows where it looked for the next {noun}, "
            "not why the model expects that one; switched off, it shows what it was good for.",
        ),
        (
            "when it learned this",
            f"The likeliest {noun}s at the selected place, at each moment whose weights are kept: "
            "first right where the true one was the likeliest, sure since it always was.",
        ),
        (
            "where the loss lives",
            f"The loss on some held-out text, {units}, and each kind's share of it; then by how many "
            f"{noun}s the model sees before the next: where that falls, it uses the context.",
        ),
        (
            TITLES[noun],
            f"The model predicts each {noun} by a list of numbers, its output embedding. The plane "
            "shows the two directions in which these differ most, and how much of their variance "
            "that explains. What is used alike comes together; the number of a neighbour is the "
            f"cosine between the two, at most 1. Of many {noun}s up to 200 are shown that the text has most.",
        ),
    ]
