"""The options of the jdbc input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.dates import zones
from pipeline.field_reference import FieldReference
from pipeline.options import (
    Array,
    Boolean,
    CodecOption,
    Ecs,
    ExistingPath,
    Hash,
    Ignored,
    InputOptions,
    Integer,
    Number,
    Secret,
    Text,
    TextHash,
    default_codec,
)
from pipeline.schedules import ScheduleOption
from pipeline.texts.codecs import python_charset

_JAVA = Ignored("no Java is loaded here: the connection string says which driver is used")
_POOL = Ignored("each run has a connection of its own, made anew and closed after it")


def _zone(value: Any) -> Any:
    """`Area/City`, or with what Logstash's driver adds in brackets."""
    name = str(value).split("[")[0].strip()
    zones.required(name)
    return name


def _charsets(value: dict[str, str]) -> dict[str, str]:
    return {name: python_charset(charset) for name, charset in value.items()}


class JdbcOptions(InputOptions):
    """The database, the statement, when it is run, and where the next run begins."""

    jdbc_connection_string: Annotated[Text, Field(description="The database: JDBC's string, or a URL of SQLAlchemy.")]
    jdbc_user: Annotated[Text | None, Field(description="The user.")] = None
    jdbc_password: Annotated[Secret | None, Field(description="The password.")] = None
    jdbc_password_filepath: Annotated[ExistingPath | None, Field(description="A file with the password.")] = None
    jdbc_driver_class: Annotated[Text | None, _JAVA, Field(description="As in Logstash.")] = None
    jdbc_driver_library: Annotated[Text | None, _JAVA, Field(description="As in Logstash.")] = None
    statement: Annotated[Text | None, Field(description="The SQL statement, with `:name` for parameters.")] = None
    statement_filepath: Annotated[ExistingPath | None, Field(description="A file with the statement.")] = None
    parameters: Annotated[Hash, Field(description="Values of named parameters.")] = {}
    schedule: Annotated[
        ScheduleOption | None, Field(description="When to run it, as cron does; without, once, and the input ends.")
    ] = None
    use_column_value: Annotated[Boolean, Field(description="`:sql_last_value` is of a column, not of the clock.")] = (
        False
    )
    tracking_column: Annotated[Text | None, Field(description="That column.")] = None
    tracking_column_type: Annotated[Literal["numeric", "timestamp"], Field(description="What it holds.")] = "numeric"
    record_last_run: Annotated[Boolean, Field(description="Keep the last value in a file.")] = True
    last_run_metadata_path: Annotated[
        Text | None, Field(description="That file. By default under `path.data`, as in Logstash.")
    ] = None
    clean_run: Annotated[Boolean, Field(description="Begin as if nothing had been read before.")] = False
    jdbc_paging_enabled: Annotated[Boolean, Field(description="Read page by page, by LIMIT and OFFSET.")] = False
    jdbc_paging_mode: Annotated[
        Literal["auto", "explicit"],
        Field(description="`explicit`: the statement itself has `:size` and `:offset`."),
    ] = "auto"
    jdbc_page_size: Annotated[Integer, Field(ge=1, description="Rows of a page.")] = 100_000
    jdbc_fetch_size: Annotated[Integer | None, Field(ge=1, description="Rows fetched at a time; 1,000 by default.")] = (
        None
    )
    jdbc_default_timezone: Annotated[
        Text | None,
        BeforeValidator(lambda value: None if value is None else _zone(value)),
        Field(description="The zone of times without one, and of `:sql_last_value`; by default the machine's."),
    ] = None
    plugin_timezone: Annotated[
        Literal["local", "utc"],
        Ignored("times are compared and read in one zone, that of `jdbc_default_timezone`"),
        Field(description="As in Logstash."),
    ] = "utc"
    lowercase_column_names: Annotated[Boolean, Field(description="Names of columns in small letters.")] = True
    charset: Annotated[
        Text | None,
        AfterValidator(lambda value: None if value is None else python_charset(value)),
        Field(description="Charset of texts that the database gives as bytes of another."),
    ] = None
    columns_charset: Annotated[
        TextHash, AfterValidator(_charsets), Field(description="The same for some columns: name to charset.")
    ] = {}
    target: Annotated[FieldReference | None, Field(description="Field for the columns, in place of the root.")] = None
    connection_retry_attempts: Annotated[
        Integer, Ignored("a run that fails is done again"), Field(description="As in Logstash.")
    ] = 1
    connection_retry_attempts_wait_time: Annotated[
        Number, Ignored("the pause doubles, up to 30 s"), Field(description="As in Logstash.")
    ] = 0.5
    statement_retry_attempts: Annotated[
        Integer, Ignored("a run that fails is done again"), Field(description="As in Logstash.")
    ] = 1
    statement_retry_attempts_wait_time: Annotated[
        Number, Ignored("the pause doubles, up to 30 s"), Field(description="As in Logstash.")
    ] = 0.5
    jdbc_validate_connection: Annotated[Boolean, _POOL, Field(description="As in Logstash.")] = False
    jdbc_validation_timeout: Annotated[Integer, _POOL, Field(description="As in Logstash.")] = 3600
    jdbc_pool_timeout: Annotated[Integer, _POOL, Field(description="As in Logstash.")] = 5
    sequel_opts: Annotated[Hash, Ignored("they are options of a Ruby library"), Field(description="As there.")] = {}
    sql_log_level: Annotated[Text, Ignored("statements are not logged"), Field(description="As there.")] = "info"
    use_prepared_statements: Annotated[
        Boolean, Field(description="The statement has a `?` for each parameter, and no names.")
    ] = False
    prepared_statement_name: Annotated[
        Text,
        Ignored("a statement is prepared for one run, and needs no name"),
        Field(description="Required with them, as in Logstash."),
    ] = ""
    prepared_statement_bind_values: Annotated[
        Array, Field(description="A value for each `?`; the text `:sql_last_value` stands for the last value.")
    ] = []
    codec: Annotated[
        CodecOption, Ignored("a row is an event as it is"), Field(description="Accepted as in Logstash.")
    ] = default_codec("plain")
    ecs_compatibility: Annotated[Ecs, Field(description="Changes nothing; with ECS a target is advisable.")] = "v8"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.statement is None) == (self.statement_filepath is None):
            raise ValueError("give statement or statement_filepath, one of them")
        if self.use_column_value and self.tracking_column is None:
            raise ValueError("use_column_value => true needs tracking_column")
        if self.jdbc_password is not None and self.jdbc_password_filepath is not None:
            raise ValueError("give jdbc_password or jdbc_password_filepath, not both")
        if self.use_prepared_statements and not self.prepared_statement_name:
            raise ValueError("use_prepared_statements => true needs prepared_statement_name, in Logstash too")
        if self.use_prepared_statements and self.jdbc_paging_enabled:
            raise ValueError("jdbc_paging_enabled is not for prepared statements: write LIMIT ? into the statement")
        if self.last_run_metadata_path is not None and Path(self.last_run_metadata_path).is_dir():
            raise ValueError(f'last_run_metadata_path "{self.last_run_metadata_path}" must be a file, and is a folder')
        return self
