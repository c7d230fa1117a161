"""What a recipe may say: the model behind every TOML file and every ``--set``.

A key that is left out stays None, so that the defaults live in one place, ``gparticles.transport``.
Each type carries the words that tell a user what is allowed.
"""

import inspect
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SerializeAsAny,
    ValidationError,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gparticles.data import SAMPLERS, SOURCES
from gparticles.divergence import parse_f
from gparticles.flow import parse_integrator
from gparticles.potential import LAYERS, SYMMETRIES, activations
from gparticles.tables.recognition import KINDS as KINDS_OF_COLUMNS


def _allows(text: str) -> WrapValidator:
    """Replaces pydantic's own words by what a user may give."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("allowed", "{text}", {"text": text}) from None

    return WrapValidator(check)


def _one_of(names: Any) -> Any:
    names = tuple(names)

    def check(value: str) -> str:
        if value not in names:
            raise PydanticCustomError("allowed", "{text}", {"text": f"one of {', '.join(names)}"})
        return value

    return Annotated[str, _allows(f"one of {', '.join(names)}"), AfterValidator(check)]


def _infinite(value: Any) -> Any:
    return math.inf if value == "inf" else value


def _parsed_by(parse: Callable[[str], Any]) -> AfterValidator:
    def check(value: str) -> str:
        parse(value)
        return value

    return AfterValidator(check)


Flag = Annotated[bool, _allows("true or false")]
Text = Annotated[str, _allows("text")]
Number = Annotated[float, Field(allow_inf_nan=False), _allows("a number")]
Positive = Annotated[
    float, Field(gt=0, allow_inf_nan=False), _allows("a number above 0, not in quotes")
]
Fraction = Annotated[float, Field(gt=0, lt=1), _allows("a number between 0 and 1")]
# what arrays can count, what memory may hold, and what random generators take
MOST = 2**31 - 1
MOST_STEPS = 10**7
MOST_WIDTH = 2**14
MOST_SEED = 2**62
Count = Annotated[int, Field(ge=1, le=MOST), _allows(f"a whole number from 1 to {MOST:,}")]
Steps = Annotated[
    int, Field(ge=1, le=MOST_STEPS), _allows(f"a whole number from 1 to {MOST_STEPS:,}")
]
Width = Annotated[
    int, Field(ge=1, le=MOST_WIDTH), _allows(f"a whole number from 1 to {MOST_WIDTH:,}")
]
Depth = Annotated[int, Field(ge=1, le=1000), _allows("a whole number from 1 to 1,000")]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED), _allows(f"a whole number from 0 to {MOST_SEED:,}")]
Lipschitz = Annotated[
    float,
    Field(gt=0, allow_inf_nan=True),
    BeforeValidator(_infinite),
    _allows("a number above 0, or inf"),
]
Scale = Annotated[
    Literal["auto", "columns", "log", "scores"] | Positive,
    _allows('"auto", "columns", "log", "scores" or a number above 0'),
]
Devices = Annotated[Count | Literal["all"], _allows(f'"all", or a whole number from 1 to {MOST:,}')]
Numbers = Annotated[float | list[float], _allows("a number, or one per column in brackets")]
Bounds = Annotated[
    list[Number],
    Field(min_length=2, max_length=2),
    _allows("two numbers in brackets, [low, high]"),
]
FName = Annotated[str, _allows("the name of an f in quotes"), _parsed_by(parse_f)]
IntegratorName = Annotated[
    str, _allows("the name of an integrator in quotes"), _parsed_by(parse_integrator)
]


class Section(BaseModel):
    """Keys that are known, of the types they should have."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _suggest_known_keys(cls, value: Any) -> Any:
        unknown = [k for k in value if k not in cls.model_fields] if isinstance(value, dict) else []
        if unknown:
            context = {"key": unknown[0], "known": list(cls.model_fields)}
            raise PydanticCustomError("unknown_key", "unknown key {key}", context)
        return value


class CloudSection(Section):
    """Where points come from."""


class Noise(CloudSection):
    """Noise whose moments or range are those of the target."""

    noise: _one_of(SOURCES)  # type: ignore[valid-type]


class File(CloudSection):
    """A user's file."""

    file: Text
    id_column: Text | None = None
    label_column: Text | None = None


class Custom(CloudSection):
    """A user's own loader, ``module:function``, looked for in a folder."""

    custom: Text
    folder: Text | None = None


class Dataset(CloudSection):
    """A sampler of ``gparticles.data``; subclasses add its options."""

    dataset: _one_of(SAMPLERS)  # type: ignore[valid-type]
    n: Count | None = None
    seed: Seed | None = None

    def options(self) -> dict[str, Any]:
        """The sampler's own keywords, as far as they were given."""
        return self.model_dump(exclude=set(Dataset.model_fields), exclude_none=True)


def _sampler_model(name: str) -> type[Dataset]:
    """A model with one key per keyword of a sampler."""
    types: dict[Any, Any] = {bool: Flag, int: Count, float: Number, int | None: Count}
    fields: dict[str, Any] = {}
    for key, parameter in inspect.signature(SAMPLERS[name]).parameters.items():
        if key in Dataset.model_fields:
            continue
        kind = types.get(parameter.annotation, Numbers)
        required = parameter.default is inspect.Parameter.empty
        fields[key] = (kind, ...) if required else (kind | None, None)
    return create_model(name.title().replace("-", ""), __base__=Dataset, **fields)


_DATASETS = {name: _sampler_model(name) for name in SAMPLERS}


def cloud_model(dataset: str) -> "type[Dataset]":
    """The model of a sampler's section, by the sampler's name."""
    return _DATASETS.get(dataset, Dataset)


KINDS: dict[str, type[CloudSection]] = {
    "noise": Noise,
    "dataset": Dataset,
    "file": File,
    "custom": Custom,
}


def cloud_of_text(text: str, role: str) -> dict[str, str]:
    """The section that a bare name stands for: noise, a dataset, a loader or a file.

    >>> cloud_of_text("few.csv", "target")
    {'file': 'few.csv'}
    """
    if role == "source" and text in SOURCES:
        return {"noise": text}
    if text in SAMPLERS:
        return {"dataset": text}
    return {"custom": text} if ":" in text else {"file": text}


def _cloud(role: str) -> PlainValidator:
    kinds = [kind for kind in KINDS if kind != "noise" or role == "source"]
    allowed = f"a section with one of the keys {', '.join(kinds)}"

    def check(value: Any) -> CloudSection:
        if isinstance(value, CloudSection):
            return value
        given = [kind for kind in kinds if kind in value] if isinstance(value, dict) else []
        if len(given) != 1:
            raise PydanticCustomError("allowed", "{text}", {"text": allowed})
        model = KINDS[given[0]]
        if model is Dataset:
            model = cloud_model(str(value["dataset"]))
        return model.model_validate(value)

    return PlainValidator(check)


Source = Annotated[SerializeAsAny[CloudSection], _cloud("source")]
Target = Annotated[SerializeAsAny[CloudSection], _cloud("target")]


class Potential(Section):
    """Which phi; what is left out is the preset's."""

    preset: _one_of(("default", "smooth", "tight", "soft", "conv", "exact")) = "default"  # type: ignore
    width: Width | None = None
    depth: Depth | None = None
    layer: _one_of(LAYERS) | None = None  # type: ignore[valid-type]
    activation: _one_of(activations.REGISTRY) | None = None  # type: ignore[valid-type]
    smoothing: Positive | None = None
    symmetry: _one_of(SYMMETRIES) | None = None  # type: ignore[valid-type]


class Stop(Section):
    """When to end before the last step."""

    rule: _one_of(("none", "kinetic-energy", "held-out"))  # type: ignore[valid-type]
    fraction: Fraction | None = None
    window: Count | None = None
    patience: Count | None = None


class Latent(Section):
    """A latent space to move in: its codec, and what is done with what that loses."""

    codec: _one_of(("pca", "autoencoder", "deformations")) = "pca"  # type: ignore
    dim: Width | None = None
    standardise: Flag | None = None
    width: Width | None = None
    depth: Depth | None = None
    epochs: Count | None = None
    mates: Count | None = None
    align: Flag = False
    keep_residual: Flag | None = None
    centre_residual: Flag | None = None
    scale_residual: Flag | None = None

    def codec_options(self) -> dict[str, Any]:
        """Keywords of the codec, as far as they were given."""
        given = self.model_dump(include={"standardise", "width", "depth", "epochs", "mates"})
        named = {"latent_dim": self.dim, **given}
        return {key: value for key, value in named.items() if value is not None}

    def residual_options(self) -> dict[str, bool]:
        """Keywords of ``latent_transport``, likewise."""
        names = {"keep_residual", "centre_residual", "scale_residual"}
        return self.model_dump(include=names, exclude_none=True)


class Keep(Section):
    """What is kept for replay and pictures: the fields of ``gparticles.Store``."""

    potentials: Flag | None = None
    budget: Positive | None = None
    frames: Count | None = None
    frames_budget: Positive | None = None


class ColumnSetting(Section):
    """What a column of a table is, where it is not as its cells look."""

    kind: str | list[Any] | None = None
    range: (
        Annotated[
            list[float | str],
            Field(min_length=2, max_length=2),
            _allows("[low, high], with -inf or inf for an end without a bound"),
        ]
        | None
    ) = None


def _column(value: Any) -> ColumnSetting:
    if isinstance(value, (str, list)):
        value = {"kind": value}
    setting = ColumnSetting.model_validate(value)
    if isinstance(setting.kind, str) and setting.kind not in KINDS_OF_COLUMNS:
        words = f"one of {', '.join(KINDS_OF_COLUMNS)}, or a list of levels in their order"
        raise PydanticCustomError("allowed", "{text}", {"text": words})
    return setting


ColumnField = Annotated[SerializeAsAny[ColumnSetting], PlainValidator(_column)]


class Config(Section):
    """One run, complete."""

    description: Text | None = None
    source: Source | None = None
    target: Target | None = None
    held_out: Target | None = None
    validation: Fraction | None = None
    target_budget: Positive | None = None
    n: Count | None = None
    conditional: Flag | None = None
    columns: dict[str, ColumnField] | None = None
    impute: Flag | None = None
    task: str | None = None
    closeness: Annotated[float, Field(ge=0, le=1), _allows("a number from 0 to 1")] | None = None
    f: FName | None = None
    lipschitz: Lipschitz | None = None
    latent: Latent | None = None
    potential: Potential | None = None
    integrator: IntegratorName | None = None
    reverse: Flag = False
    steps: Steps | None = None
    step_size: Positive | None = None
    cooldown: Fraction | None = None
    fit_steps: Count | None = None
    learning_rate: Positive | None = None
    batch_size: Count | None = None
    bounds: Bounds | None = None
    scale: Scale | None = None
    stop: Stop | None = None
    store: Keep | None = None
    seed: Seed = 0
    checkpoint_seconds: Positive = 10.0
    devices: Devices | None = None

    def to_dict(self) -> dict[str, Any]:
        """What ``config.toml`` holds: everything that is not left to the defaults."""
        return self.model_dump(exclude_none=True)
