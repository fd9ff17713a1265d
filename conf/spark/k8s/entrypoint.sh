#!/usr/bin/env bash
# What a pod of Spark runs. Spark's Kubernetes backend starts its containers with the argument "executor" or "driver" and
# says the rest in the environment. The package pyspark, unlike Spark's archive, has no such script.
set -euo pipefail

run_executor() {
    local options=() name
    for name in $(compgen -v SPARK_JAVA_OPT_ | sort -t_ -k4 -n); do options+=("${!name}"); done
    exec "${JAVA_HOME:-/usr}/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
        -cp "${SPARK_CONF_DIR:-$SPARK_HOME/conf}:$SPARK_HOME/jars/*" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --app-id "$SPARK_APPLICATION_ID" \
        --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --hostname "${SPARK_EXECUTOR_POD_IP:-$(hostname -i)}" --podName "$SPARK_EXECUTOR_POD_NAME" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID"
}

run_driver() {
    exec "$SPARK_HOME/bin/spark-submit" --deploy-mode client \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" "$@"
}

role=${1:-}
case "$role" in
    executor) run_executor ;;
    driver) shift && run_driver "$@" ;;
    *) exec "$@" ;;
esac
