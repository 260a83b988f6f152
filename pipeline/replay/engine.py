"""A pipeline whose inputs are replaced by archives, in this process or in several.

What the configuration's beats input does to an event (its codec, tags and fields), it does to an archived one; without
a beats input, the first input adds its tags and fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.beats.events import Enrichment, Run, runner
from pipeline.config.plan import Plan
from pipeline.delivery.worker import Source
from pipeline.front.front import Front
from pipeline.inputs import beats
from pipeline.options import CodecName
from pipeline.plugin import Output
from pipeline.replay.alterations import Alterations
from pipeline.replay.archive import Archive
from pipeline.replay.checkpoint import Checkpoint
from pipeline.replay.decoding import Decoder
from pipeline.replay.enveloping import Decorate
from pipeline.replay.source import Replay, Terms
from pipeline.replay.wishes import Wishes
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings

LABEL = "replay"
KIND = "beats"
"""What dead letters say took their events: their originals are framed as a Beat frames them, to be retried as such."""


def decoder(pipeline: Pipeline, wishes: Wishes) -> Decoder:
    """What makes events of lines, as the inputs of the pipeline would."""
    run, decorate = _as_input(pipeline)
    return Decoder(wishes, run, decorate)


def _as_input(pipeline: Pipeline) -> tuple[Run, Decorate | None]:
    sources = list(zip(pipeline.plan.section("input"), pipeline.sources, strict=True))
    for checked, source in sources:
        if isinstance(checked.options, beats.Options):
            return runner(checked.options.codec, beats.enrichment_of(checked.options)), source.decorate
    ecs = pipeline.settings.pipeline_ecs_compatibility != "disabled"
    plain = runner(CodecName("plain"), Enrichment(ecs=ecs, source=False, codec=False))
    return plain, sources[0][1].decorate if sources else None


def replaying(
    pipeline: Pipeline, replay: Replay, wishes: Wishes, output: Callable[[Output], Output] | None = None
) -> Pipeline:
    """The pipeline with archives in place of its inputs, all in this process."""
    pipeline.take_from([Source(replay, None, LABEL, KIND)])
    pipeline.alter(Alterations(wishes, pipeline.counters, replay.loose, output))
    return pipeline


def replay_in_worker(pipeline: Pipeline, told: Mapping[str, Any]) -> None:
    """The same in a worker: the front has the archives."""
    wishes = Wishes.of_json(told)
    nothing: Sequence[Archive] = ()
    replaying(pipeline, Replay(nothing, Terms(), decoder(pipeline, wishes)), wishes)


def front(settings: Settings, plan: Plan, workers: int, replay: Replay, wishes: Wishes) -> Front:
    """The same with several workers."""
    return Front(settings, plan, workers, archives=(replay, wishes.as_json()))


def made(
    pipeline: Pipeline, archives: Sequence[Archive], terms: Terms, wishes: Wishes, checkpoint: Checkpoint | None
) -> Replay:
    """The input that reads the archives."""
    return Replay(archives, terms, decoder(pipeline, wishes), checkpoint)
