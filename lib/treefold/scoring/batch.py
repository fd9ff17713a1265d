"""Batch predictions: a saved model scores the rows of any source into partitions of Parquet with a manifest."""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from treefold import __version__
from treefold.engine.reading.columns import hint
from treefold.engine.reading.planned_table import tables_of
from treefold.engine.reading.spark_plan import tables_read
from treefold.errors import InputError, ThresholdNotMet
from treefold.ml import read_source
from treefold.persistence import output_folder
from treefold.persistence.model_io import MODEL
from treefold.persistence.partitions import PartitionedFolder
from treefold.preparation.apply import prepared
from treefold.preparation.learned import load_preparation
from treefold.privacy.anonymity import check_k_anonymity
from treefold.privacy.columns import protected
from treefold.scoring.drift import CountingModel, drift_of
from treefold.scoring.input_partitions import WHOLE, InputPartition, InputPartitions, input_partitions
from treefold.scoring.null_rows import NullRows
from treefold.scoring.reference import load_reference
from treefold.scoring.scored_columns import check_key, outputs_named, scored
from treefold.scoring.worker_errors import bad_input

log = logging.getLogger(__name__)

NULLS = {"drop": "they are left out", "keep": "their predictions are null"}
SHOWN = 5  # drifting columns in the line of a job


class Batch:
    """A model that is applied to the rows of a source.

    Parameters
    ----------
    conf : treefold.cli.scoring_confs.Predict
    model : Spark model
        As loaded from ``conf.model.path``.

    Raises
    ------
    InputError
        If the model lacks a requested output, or treefold did not write the existing output.
    """

    def __init__(self, conf: Any, model: Any) -> None:
        self.conf, self.model = conf, model
        self.named = outputs_named(model, conf.model.outputs)
        self.reference = load_reference(conf.model.path)
        self.folder = PartitionedFolder(conf.output.path, "predictions", conf.apart)
        path = conf.data.preparation
        self.preparation = load_preparation(path) if path else None
        content = self.preparation.encoded() if self.preparation else b""
        content += output_folder.read(conf.model.path, MODEL) + json.dumps(conf.scoring, sort_keys=True).encode()
        self.version = hashlib.sha256(content).hexdigest()[:16]

    def run(self, spark: SparkSession, incremental: bool, say: Callable[[str], None]) -> dict[str, Any]:
        """Score, publish, write the manifest; returns it.

        Parameters
        ----------
        spark : SparkSession
            The session.
        incremental : bool
            Whether partitions are left out that were written from the same files by the same model.
        say : Callable[[str], None]
            Called with lines about the progress.

        Raises
        ------
        InputError
            If the source cannot be read, or lacks a column.
        TryAgain
            If another run is writing the output.
        """
        with self.folder.staging() as staged:
            data = read_source(spark, self.conf.data)
            there, tables = input_partitions(data), tables_of(data)
            by = self._partition_columns(protected(data, self.conf.privacy), there, incremental)
            todo = self._pending(there, incremental)
            if incremental and there and len(todo) < len(there.found):
                same, every = len(there.found) - len(todo), len(there.found)
                say(f"{same} of {every} partitions are unchanged since they were written")
                data = self._only(spark, data, todo)
            if incremental and not todo:
                return self._manifest_of({}, {}, [], self.folder.manifest.get("k_anonymity"), tables)
            data = protected(data, self.conf.privacy)
            anonymity = check_k_anonymity(data, self.conf.privacy)
            check_key(data, self.conf.data.key)
            if self.preparation:
                data = prepared(data, self.preparation, [*self.conf.data.key, *by])
            counting = CountingModel(self.model.scoring(), self.reference, spark)
            key, nulls = self.conf.data.key, NullRows(self.conf.data.nulls, self.model.columns_of(data, labelled=False))
            frame = scored(nulls.handled(data), self.model, counting, self.named, key, by, keep_nulls=nulls.keep)
            try:
                frame.write.partitionBy(*by).parquet(str(staged))
            except Exception as error:
                found = bad_input(error)
                raise (nulls.named(data, [] if self.conf.privacy else key, found) if found else error) from None
            if nulls.count:
                say(f"{nulls.count:,} rows have a null feature: {NULLS[self.conf.data.nulls]}")
            drift = drift_of(self.reference, counting.counts.value) if self.reference else []
            return self._manifest_of(self._published(staged), todo, drift, anonymity, tables, nulls.count)

    def check_drift(self, manifest: dict[str, Any], result: dict[str, Any]) -> None:
        """Raise ThresholdNotMet if the drift of a column exceeds the limit of the conf."""
        limits = self.conf.drift
        for key, limit in (("psi", limits.maxPsi), ("ks", limits.maxKs)):
            far = [each for each in manifest["drift"] if limit is not None and (each[key] or 0) > limit]
            if far:
                worst = max(far, key=lambda each: each[key])
                raise ThresholdNotMet(
                    f"{key} of column '{worst['column']}' is {worst[key]:.4g}, above {limit:g}, and so is that of "
                    f"{len(far) - 1} more columns: the predictions are written",
                    result,
                )

    def _partition_columns(self, data: DataFrame, there: InputPartitions | None, incremental: bool) -> list[str]:
        of_input = there.columns if there else []
        by = of_input if self.conf.output.partitionBy is None else self.conf.output.partitionBy
        for name in by:
            if name not in data.columns:
                raise InputError(f"output.partitionBy: there is no column '{name}': {hint(name, data.columns)}")
        if incremental and there is None:
            raise InputError(
                f"{self.conf.data.name} is no folder of files, so new files cannot be found: leave --incremental out"
            )
        private = self.conf.privacy.columns if self.conf.privacy else {}
        if incremental and (hidden := sorted({*by} & {*private})):
            raise InputError(
                f"--incremental finds partitions by the names of the input, and column '{hidden[0]}' is private: leave "
                "--incremental or its policy out"
            )
        if incremental and by != of_input:
            raise InputError(
                f"--incremental writes the partitions of the input, {', '.join(of_input) or 'none'}: leave "
                "output.partitionBy out"
            )
        return list(by)

    def _pending(self, there: InputPartitions | None, incremental: bool) -> dict[str, InputPartition]:
        """Partitions of the input that have to be scored."""
        if there is None:
            return {}
        before = self.folder.manifest.get("partitions", {})

        def known(name: str, partition: InputPartition) -> bool:
            entry = before.get(name, {})
            same = (entry.get("input"), entry.get("version")) == (partition.fingerprint, self.version)
            return same and (self.folder.path / name).exists()

        return {n: p for n, p in there.found.items() if not (incremental and known(n, p))}

    def _only(self, spark: SparkSession, data: DataFrame, todo: dict[str, InputPartition]) -> DataFrame:
        """The rows of some partitions, where the input is a table of the version of ``data``."""
        if not todo or WHOLE in todo:
            return data
        version = next((table["version"] for table in tables_read(data)), None)
        folders = {name: each.folder for name, each in todo.items()}
        return read_source(spark, self.conf.data, folders, version)

    def _published(self, staged: Path) -> dict[str, dict[str, Any]]:
        """Partitions that were written, with the manifest's description of their files."""
        found = {}
        for name, files in self.folder.publish(staged).items():
            sizes = [self.folder.path / name / file for file in files]
            rows = sum(pq.read_metadata(file).num_rows for file in sizes)
            found[name] = {"rows": rows, "bytes": sum(file.stat().st_size for file in sizes), "files": files}
        return found

    def _manifest_of(
        self,
        written: dict[str, Any],
        todo: dict[str, InputPartition],
        drift: list[dict[str, Any]],
        anonymity: int | None,
        tables: dict[str, Any],
        nulls: int = 0,
    ) -> dict[str, Any]:
        """Write the manifest of all partitions; returns it."""
        for name, entry in written.items():
            entry["version"] = self.version
            entry["input"] = todo[name].fingerprint if name in todo else None
        manifest = {
            "treefold": __version__,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": {"path": self.conf.model.path, "class": type(self.model).__name__, "uid": self.model.uid},
            "version": self.version,
            "input": self.conf.data.name,
            **tables,
            "rows": sum(entry["rows"] for entry in written.values()),
            "rows_with_null": nulls,
            "written_partitions": sorted(written),
            "partitions": {**self.folder.manifest.get("partitions", {}), **written},
            "k_anonymity": anonymity,
            "drift": drift if written else self.folder.manifest.get("drift", []),
        }
        if self.reference is None:
            log.warning("%s has no reference.json, so drift is not known: train it by a job", self.conf.model.path)
        self.folder.write_manifest(manifest)
        return manifest


def shown(manifest: dict[str, Any]) -> str:
    """A few lines for a person."""
    line = f"{manifest['rows']:,} rows in {len(manifest['written_partitions'])} partitions"
    worst = [f"{each['column']} {each['psi']:.3f}" for each in manifest["drift"][:SHOWN]]
    return f"{line}\nlargest drift (PSI): {',  '.join(worst)}" if worst and manifest["rows"] else line
