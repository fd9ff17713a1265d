"""Properties that Spark would refuse late, or with a stack trace, are refused before there is a JVM."""

import socket

import pytest

from treefold.cli.spark_properties import blas_arguments, check_properties, read_properties
from treefold.errors import InputError


def test_properties_are_read_as_java_reads_them(tmp_path):
    file = tmp_path / "a.conf"
    file.write_text("# note\n\nspark.a  b c\nspark.d=e\n spark.f : g\nspark.h = -Da=1 \\\n   -Db=2\n! note\nspark.i\n")
    assert read_properties(str(file)) == {
        "spark.a": "b c", "spark.d": "e", "spark.f": "g", "spark.h": "-Da=1 -Db=2", "spark.i": "",
    }  # fmt: skip
    with pytest.raises(InputError, match="cannot be read"):
        read_properties(str(tmp_path / "b.conf"))


LOCAL = {"spark.master": "local[2]"}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({}, "spark.master = '' is no master: write local"),
        ({"spark.master": "locall"}, "spark.master = 'locall' is no master"),
        ({"spark.master": "spark://host"}, "is no master"),
        (LOCAL | {"spark.driver.memory": "2gb"}, "spark.driver.memory = '2gb' is no size: write 2g, for example"),
        (LOCAL | {"spark.executor.memory": "much"}, "spark.executor.memory = 'much' is no size"),
        (LOCAL | {"spark.driver.maxResultSize": "1 g"}, "maxResultSize = '1 g' is no size"),
        (LOCAL | {"spark.executor.cores": "0"}, "spark.executor.cores = '0' is no number from 1 up"),
        (LOCAL | {"spark.submit.deployMode": "cluster"}, "cannot run in deploy mode cluster on local"),
        (LOCAL | {"spark.submit.deployMode": "clutser"}, "is neither client nor cluster"),
        ({"spark.master": "spark://h:1", "spark.submit.deployMode": "cluster"}, "Spark has that on yarn and k8s only"),
        ({"spark.master": "spark://127.0.0.1:1"}, r"no master answers at spark://127.0.0.1:1 \(Connection refused\)"),
        ({"spark.master": "spark://no-such-host.invalid:7077"}, "no master answers at"),
        ({"spark.master": "spark://127.0.0.1:77777"}, "no master answers at"),
        (
            {"spark.master": "k8s://https://127.0.0.1:1"},
            r"no API server of Kubernetes answers at .* \(Connection refused",
        ),
        ({"spark.master": "k8s://127.0.0.1:1"}, r"no API server of Kubernetes answers at .* \(Connection refused"),
        ({"spark.master": "k8s://https://HOST:PORT"}, "no API server of Kubernetes answers at k8s://https://HOST:PORT"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(properties, message):
    with pytest.raises(InputError, match=message) as caught:
        check_properties(properties, "x.conf")
    assert "\n" not in str(caught.value)
    assert "x.conf" in str(caught.value)


def test_yarn_needs_the_folder_of_its_conf(monkeypatch):
    monkeypatch.delenv("YARN_CONF_DIR", raising=False)
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    with pytest.raises(InputError, match="needs HADOOP_CONF_DIR"):
        check_properties({"spark.master": "yarn"}, "x.conf")
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")
    check_properties({"spark.master": "yarn", "spark.submit.deployMode": "cluster"}, "x.conf")


def test_the_second_of_two_masters_may_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_properties({"spark.master": f"spark://127.0.0.1:1,127.0.0.1:{server.getsockname()[1]}"}, "x.conf")


@pytest.mark.parametrize("master", ["local", "local[*]", "local[2,4]", "local-cluster[2,1,1024]"])
def test_good_ones_pass(master):
    check_properties(
        {"spark.master": master, "spark.driver.memory": "2G", "spark.executor.memoryOverhead": "512"}, "x.conf"
    )


@pytest.mark.parametrize("scheme", ["", "https://", "http://"])
def test_an_api_server_that_accepts_connections_passes(scheme, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_properties({"spark.master": f"k8s://{scheme}127.0.0.1:{server.getsockname()[1]}"}, "x.conf")


def test_an_api_server_behind_a_proxy_is_left_to_the_jvm(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "localhost")
    check_properties({"spark.master": "k8s://https://127.0.0.1:1"}, "x.conf")


def test_executors_get_the_kernels_that_are_chosen_for_the_driver(monkeypatch):
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert blas_arguments({}) == ["--conf=spark.executorEnv.OPENBLAS_CORETYPE=Haswell"]
    assert blas_arguments({"spark.executorEnv.OPENBLAS_CORETYPE": "Zen"}) == []
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert blas_arguments({}) == []
