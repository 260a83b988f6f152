"""What a replay is known by: what it does, and where to, whichever archives it is given."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import xxhash

from pipeline.commands.replay_request import Request
from pipeline.config.plan import Plan
from pipeline.config.substitution import variables
from pipeline.settings.logstash_yml import Settings


def name(settings: Settings, plan: Plan, request: Request, environment: Mapping[str, str]) -> str:
    """Of the folder of its checkpoint. Variables count: a server that one names may be another."""
    recipe = plan.recipe
    instead = {name: [plugin, str(sorted(options.items()))] for name, (plugin, options) in recipe.instead.items()}
    named = sorted({name for source in recipe.sources for name in variables(source.text)})
    what = [
        [source.text for source in recipe.sources],
        [[name, environment.get(name)] for name in named],
        [recipe.ecs_compatibility, settings.pipeline_id, instead],
        [request.kind, sorted(request.fields), request.time_field, request.time],
        [request.since, request.until, request.refilter],
    ]
    return xxhash.xxh3_64_hexdigest(orjson.dumps(what))
