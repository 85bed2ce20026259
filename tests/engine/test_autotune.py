"""Where to compute: a setting is obeyed; what is left open is measured, and the reason is given."""

import re
import threading
from collections import Counter
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from engine.config import ModelConfig, TrainConfig
from engine.device import Hardware
from engine.model import integer_tile
from engine.model.gpt import GPT
from engine.model.products import formats_to_measure, integer_formats
from engine.model.size import flops_per_token
from engine.training import autotune
from engine.training.autotune import as_before, choose
from engine.training.replica import Replica
from engine.training.workers import WorkerPool

MODEL = ModelConfig(context_length=16, n_layer=2, n_head=2, n_embd=32)
CPU = TrainConfig(device="cpu", precision="auto", threads=0)
TRIAL_FLOPS = autotune.TRIAL_FLOPS  # before it is made less for the tests
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SHORT_NAMES = {"float32": "fp32", "bfloat16": "bf16"}
for integers in ("int16", "int8"):
    if getattr(torch, integers) in integer_formats():
        FORMATS[integers], SHORT_NAMES[integers] = getattr(torch, integers), integers
TRIED = {name: each for name, each in FORMATS.items() if each in formats_to_measure(integers=True)}


def asked(**changes: object) -> TrainConfig:
    return msgspec.structs.replace(CPU, **changes)


def pairs_of(choice: Hardware) -> list[tuple[str, float]]:
    """The threads and formats that the reason names, and how much longer each took."""
    found = re.fullmatch(r"measured: (.*)", choice.reason)
    assert found, choice.reason
    pairs = [pair.rsplit(" ", 1) for pair in found[1].split(", ")]
    return [(name, float(slowness)) for name, slowness in pairs]


@pytest.fixture
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing should be measured")

    monkeypatch.setattr(autotune, "Replica", refuse)


@pytest.mark.usefixtures("_unmeasured")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", FORMATS)
def test_settings_are_obeyed_without_a_measurement(threads: int, precision: str) -> None:
    choice = choose(MODEL, asked(threads=threads, precision=precision))
    assert choice == (torch.device("cpu"), threads, FORMATS[precision], "as asked for")
    assert choice.precision_name == precision


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, {1}), (2, {1, 2}), (3, {1, 2, 3}), (8, {1, 4, 8})]
)
def test_the_reason_names_everything_that_was_measured_the_fastest_first(
    cores: int, counts: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autotune, "MAX_THREADS", cores)
    choice = choose(MODEL, CPU)
    pairs = pairs_of(choice)
    names = {f"{count} × {SHORT_NAMES[name]}" for count in counts for name in TRIED}
    assert len(pairs) == len(names)
    assert {name for name, _ in pairs} == names
    short = SHORT_NAMES[choice.precision_name]
    assert dict(pairs)[f"{choice.threads} × {short}"] <= autotune.NEARLY
    slownesses = [slowness for _, slowness in pairs]
    assert slownesses[0] == 1.0
    assert slownesses == sorted(slownesses)


@pytest.mark.parametrize(
    "config", [MODEL, ModelConfig(context_length=256, n_layer=6, n_head=6, n_embd=384)]
)
def test_measuring_takes_only_a_moment(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In operations, of which a slow core does 20 thousand million in a second."""
    work = [0.0]
    lock = threading.Lock()

    class Work:
        def __init__(self, model: GPT, _: object) -> None:
            self.flops = flops_per_token(model.config, autotune.TRIAL_VOCABULARY)

        def loss_and_grad(self, inputs: Tensor, *_: object) -> tuple[float, list[Tensor]]:
            with lock:
                work[0] += self.flops * inputs.numel()
            return 0.0, []

    monkeypatch.setattr(autotune, "MAX_THREADS", 2)
    monkeypatch.setattr(autotune, "TRIAL_FLOPS", TRIAL_FLOPS)
    monkeypatch.setattr(autotune, "Replica", Work)
    monkeypatch.setattr(autotune.time, "perf_counter", lambda: work[0])
    choose(config, CPU)
    assert 1e10 < work[0] < 5e10 * len(TRIED)  # where all formats are equally fast


@pytest.mark.parametrize("precision", FORMATS)
def test_a_precision_that_is_set_is_kept(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autotune, "MAX_THREADS", 2)
    choice = choose(MODEL, asked(precision=precision))
    assert choice.precision == FORMATS[precision]
    short = SHORT_NAMES[precision]
    assert {name for name, _ in pairs_of(choice)} == {f"1 × {short}", f"2 × {short}"}


def test_a_number_of_threads_that_is_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = choose(MODEL, asked(threads=3))
    assert choice.threads == 3
    assert {name for name, _ in pairs_of(choice)} == {f"3 × {SHORT_NAMES[name]}" for name in TRIED}


@pytest.mark.parametrize("fast", TRIED.values())
@pytest.mark.parametrize(("power", "threads"), [(0, 1), (3, 4)])
def test_the_fastest_is_chosen(
    power: int, threads: int, fast: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that advances with each chunk of work: `power` decides whether small chunks pay."""
    clock = [0.0]
    lock = threading.Lock()

    class Work:
        def __init__(self, _: object, precision: torch.dtype) -> None:
            self.cost = 1.0 if precision == fast else 3.0

        def loss_and_grad(self, inputs: Tensor, *_: object) -> tuple[float, list[Tensor]]:
            with lock:
                clock[0] += self.cost * len(inputs) ** power
            return 0.0, []

    monkeypatch.setattr(autotune, "MAX_THREADS", 4)
    monkeypatch.setattr(autotune, "Replica", Work)
    monkeypatch.setattr(autotune.time, "perf_counter", lambda: clock[0])
    choice = choose(MODEL, CPU)
    assert (choice.threads, choice.precision) == (threads, fast)


@pytest.mark.parametrize(
    ("slower", "trials"), [(1.02, 1 + autotune.TRIALS + autotune.MORE_TRIALS), (1.3, 6)]
)
def test_formats_that_are_nearly_equally_fast_are_tried_more_often(
    slower: float, trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, tried = [0.0], Counter[torch.dtype]()

    class Work:
        def __init__(self, _: object, precision: torch.dtype) -> None:
            self.precision = precision

        def loss_and_grad(self, *_: object) -> tuple[float, list[Tensor]]:
            tried[self.precision] += 1
            clock[0] += 1.0 if self.precision == torch.float32 else slower
            return 0.0, []

    monkeypatch.setattr(autotune, "Replica", Work)
    monkeypatch.setattr(autotune.time, "perf_counter", lambda: clock[0])
    assert choose(MODEL, asked(threads=1)).precision == torch.float32
    assert set(tried.values()) == {trials}


NO_INTEGERS = (
    "train.precision={} is for an x86 processor with {}, not a GPU, and for the default norm, "
    "positions, activation, QK-norm and residual connections: take auto."
)


@pytest.mark.parametrize(
    ("precision", "needed"), [("int16", "AVX2"), ("int8", "AVX-VNNI or AVX-512-VNNI")]
)
@pytest.mark.parametrize("unfit", ["processor", "model", "device"])
def test_whole_numbers_are_for_processors_and_models_that_can(
    unfit: str, precision: str, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integer_tile, "supported", lambda _: unfit != "processor")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: unfit == "device")
    model = msgspec.structs.replace(MODEL, activation="gelu") if unfit == "model" else MODEL
    device = "cuda" if unfit == "device" else "cpu"
    message = re.escape(NO_INTEGERS.format(precision, needed))
    with pytest.raises(ValueError, match=f"^{message}$"):
        choose(model, asked(device=device, precision=precision))
    if unfit != "device":
        assert {name[-4:] for name, _ in pairs_of(choose(model, CPU))} == {"fp32", "bf16"}


@pytest.mark.parametrize("saved", ["int16", "int8"])
@pytest.mark.parametrize("asked_to", ["measure", "take it"])
@pytest.mark.parametrize(
    ("able", "activation", "goes_on"),
    [(True, "squared_relu", True), (True, "gelu", False), (False, "squared_relu", False)],
)
def test_a_run_goes_on_in_whole_numbers_where_that_is_possible(
    able: bool,
    activation: str,
    goes_on: bool,
    asked_to: str,
    saved: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(integer_tile, "supported", lambda _: able)
    model = msgspec.structs.replace(MODEL, activation=activation)
    train = asked(precision="auto" if asked_to == "measure" else saved)
    precision = as_before(model, train, "cpu", 1, saved).precision
    assert precision == (saved if goes_on else "auto")


def test_a_run_of_8_bits_goes_on_where_16_are_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integer_tile, "supported", lambda bits: bits == 16)
    assert as_before(MODEL, asked(precision="int8"), "cpu", 1, "int8").precision == "auto"
    assert as_before(MODEL, asked(precision="int16"), "cpu", 1, "int16").precision == "int16"


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize("precision", ["auto", "int16"])
def test_a_run_in_whole_numbers_goes_on_with_a_gpu(
    device: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    train = as_before(MODEL, asked(device=device, precision=precision), "cpu", 1, "int16")
    assert choose(MODEL, train).precision == torch.bfloat16


def test_whole_numbers_are_not_chosen_where_another_side_cannot() -> None:
    other = msgspec.structs.replace(MODEL, activation="gelu")
    for sides in ((MODEL, other), (other, MODEL)):
        choice = choose(sides[0], CPU, sides[1:])
        assert {name[-4:] for name, _ in pairs_of(choice)} == {"fp32", "bf16"}


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "There is no CUDA device here that torch can use: take --device cpu."),
        ("mps", "There is no Apple GPU here that torch can use: take --device cpu."),
    ],
)
def test_a_missing_device_is_refused_with_a_message(
    device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        choose(MODEL, asked(device=device))


@pytest.mark.usefixtures("_unmeasured")
def test_without_a_gpu_the_cpu_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    choice = choose(MODEL, asked(device="auto", threads=1, precision="float32"))
    assert choice.device.type == "cpu"


@pytest.mark.usefixtures("_unmeasured")
@pytest.mark.parametrize(
    ("here", "able", "precision", "expected"),
    [
        ("cuda", True, "auto", torch.bfloat16),
        ("cuda", False, "auto", torch.float32),
        ("cuda", True, "float32", torch.float32),
        ("cuda", True, "bfloat16", torch.bfloat16),
        ("mps", False, "auto", torch.float32),
        ("mps", False, "bfloat16", torch.bfloat16),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_gpu_is_chosen_where_there_is_one(
    here: str,
    able: bool,
    precision: str,
    expected: torch.dtype,
    by_name: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: here == "cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: able)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: here == "mps")
    train = asked(device=here if by_name else "auto", precision=precision)
    assert choose(MODEL, train) == (torch.device(here), 1, expected, f"{here} was found")


@pytest.mark.usefixtures("_two_torch_threads")
@pytest.mark.parametrize("threads", [0, 2])
def test_the_caller_computes_with_one_thread_from_then_on(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(MODEL, asked(threads=threads, precision="float32"))
    assert torch.get_num_threads() == 1


@pytest.mark.usefixtures("_two_torch_threads")
def test_one_thread_is_measured_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the calling thread has all of torch's threads until a choice is made."""
    seen = set()
    loss_and_grad = Replica.loss_and_grad

    def spy(*work: Any) -> tuple[float, list[Tensor]]:
        seen.add(torch.get_num_threads())
        return loss_and_grad(*work)

    monkeypatch.setattr(Replica, "loss_and_grad", spy)
    choose(MODEL, CPU)
    assert seen == {1}


def test_measuring_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []  # keeps them alive: without a reference a pool ends by itself some time later

    def hold(count: int) -> WorkerPool:
        used.append(WorkerPool(count))
        return used[-1]

    monkeypatch.setattr(autotune, "MAX_THREADS", 4)
    monkeypatch.setattr(autotune, "WorkerPool", hold)
    before = threading.enumerate()
    choose(MODEL, CPU)
    assert {workers.count for workers in used} == {1, 2, 4}
    assert threading.enumerate() == before


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [((1.0, 1.09), 2), ((1.0, 1.2), 1), ((1.9, 1.0), 2)],
)
def test_more_threads_unless_fewer_are_clearly_faster(
    seconds: tuple[float, float], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = dict(zip([(1, torch.float32), (2, torch.float32)], seconds, strict=True))
    monkeypatch.setattr(autotune, "_trials", lambda choices, config: iter([taken]))
    assert choose(MODEL, CPU).threads == chosen


@pytest.mark.parametrize(("seconds", "chosen"), [(0.97, torch.float32), (0.92, torch.int8)])
def test_8_bits_have_to_make_up_for_their_rounding(
    seconds: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {(1, torch.float32): 1.0, (1, torch.int8): seconds}
    monkeypatch.setattr(autotune, "_trials", lambda choices, config: iter([taken]))
    choice = choose(MODEL, CPU)
    assert choice.precision == chosen
    assert pairs_of(choice)[0][0] == f"1 × {autotune.SHORT_NAMES[chosen]}"


@pytest.mark.parametrize(
    ("features", "measured"),
    [
        ({"avx2": True}, "fp32 bf16 int16"),
        ({"avx2": True, "avxvnni": True, "avx512vnni": True}, "fp32 int8"),
        ({"avx2": True, "avxvnni": True, "avx512vnni": True, "amx-bf16": True}, "fp32 bf16 int8"),
        ({}, "fp32 bf16"),
    ],
)
def test_what_cannot_be_the_fastest_is_not_measured(
    features: dict[str, bool], measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integer_tile, "FEATURES", features)
    monkeypatch.setattr(integer_tile.platform, "machine", lambda: "x86_64")
    formats = formats_to_measure(integers=True)
    assert " ".join(autotune.SHORT_NAMES[each] for each in formats) == measured
