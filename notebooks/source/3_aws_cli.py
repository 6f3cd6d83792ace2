# %% [markdown] lang="en"
# # The same with the AWS CLI
#
# The third way to SageMaker's API: commands. Each cell is a shell script, so that you can paste it into any terminal,
# Studio's included. What a command takes is the JSON that the boto3 notebook passes.
#
# It costs what the first notebook costs, about 0.20 USD, and its last cell removes all that it made, too.

# %% [markdown] lang="es"
# # Lo mismo con la AWS CLI
#
# El tercer camino a la API de SageMaker: comandos. Cada celda es un script de shell, así que puedes pegarla en
# cualquier terminal, también en la de Studio. Lo que recibe un comando es el JSON que pasa el notebook de boto3.
#
# Cuesta lo mismo que el primer notebook, unos 0,20 USD, y también su última celda elimina todo lo que ha creado.

# %% [markdown] lang="en"
# The variables that the commands share, from the deployed stack. `instance_type` must be one of those that the settings
# allow: `studio_instance_types` in `cdk.json`.

# %% [markdown] lang="es"
# Las variables que comparten los comandos, del stack desplegado. `instance_type` debe ser uno de los que permite la
# configuración: `studio_instance_types` en `cdk.json`.

# %%
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

(stack,) = json.loads(Path("../stack.json").read_text()).values()
name = f"{stack['Project']}-cli-{datetime.now(UTC):%y%m%d-%H%M%S}"
instance_type = "ml.m5.xlarge"
os.environ |= {
    "BUCKET": stack["BucketName"],
    "ROLE": stack["ExecutionRoleArn"],
    "IMAGE": stack["TrainingImage"],
    "PROJECT": stack["Project"],
    "NAME": name,
    "RUN": f"s3://{stack['BucketName']}/runs/{name}",
    "INSTANCE_TYPE": instance_type,
}
print(name)

# %% [markdown] lang="en"
# ## Data
#
# Splitting is pandas' work, as in the first notebook. The test rows stay here, in files of 500, without the label.

# %% [markdown] lang="es"
# ## Datos
#
# De dividir se encarga pandas, como en el primer notebook. Las filas de prueba se quedan aquí, en archivos de 500, sin
# la etiqueta.

# %%
source = os.environ.get(
    "DATA", "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"
)
data = pd.read_csv(source)
shuffled = pd.concat([data["Class"], data.drop(columns="Class")], axis=1).sample(frac=1, random_state=1729)
first, second = int(0.7 * len(shuffled)), int(0.9 * len(shuffled))
test_data = shuffled[second:]

folder = Path(name)
for part in ("train", "validation", "test"):
    (folder / part).mkdir(parents=True)
shuffled[:first].to_csv(folder / "train" / "train.csv", header=False, index=False)
shuffled[first:second].to_csv(folder / "validation" / "validation.csv", header=False, index=False)
for start in range(0, len(test_data), 500):
    batch = test_data[start : start + 500].drop(columns="Class")
    batch.to_csv(folder / "test" / f"{start:06}.csv", header=False, index=False)

# %% language="bash"
# set -e
# aws s3 cp --recursive --only-show-errors "$NAME/train" "$RUN/train"
# aws s3 cp --recursive --only-show-errors "$NAME/validation" "$RUN/validation"
# aws s3 ls --recursive "$RUN/"

# %% [markdown] lang="en"
# ## Training

# %% [markdown] lang="es"
# ## Entrenamiento

# %% language="bash"
# set -e
# channel() {
#     echo "{\"ChannelName\": \"$1\", \"ContentType\": \"text/csv\", \"DataSource\": {\"S3DataSource\":
#           {\"S3DataType\": \"S3Prefix\", \"S3Uri\": \"$RUN/$1/\"}}}"
# }
# aws sagemaker create-training-job \
#     --training-job-name "$NAME" \
#     --role-arn "$ROLE" \
#     --algorithm-specification "TrainingImage=$IMAGE,TrainingInputMode=File" \
#     --hyper-parameters "max_depth=5,eta=0.2,gamma=4,min_child_weight=6,subsample=0.8,objective=binary:logistic,eval_metric=auc,num_round=100" \
#     --input-data-config "[$(channel train), $(channel validation)]" \
#     --output-data-config "S3OutputPath=$RUN/output" \
#     --resource-config "InstanceType=$INSTANCE_TYPE,InstanceCount=1,VolumeSizeInGB=10" \
#     --stopping-condition "MaxRuntimeInSeconds=3600" \
#     --tags "Key=project,Value=$PROJECT"
#
# describe() { aws sagemaker describe-training-job --training-job-name "$NAME" --query "$1" --output text; }
# state=$(describe TrainingJobStatus)
# while [ "$state" = InProgress ]; do sleep 5; state=$(describe TrainingJobStatus); done
# if [ "$state" != Completed ]; then echo "$NAME is $state: $(describe FailureReason)" >&2; exit 1; fi
# aws sagemaker describe-training-job --training-job-name "$NAME" \
#     --query "[TrainingJobStatus, BillableTimeInSeconds, FinalMetricDataList]"

# %% [markdown] lang="en"
# ## Hosting
#
# Written to a file first, since the best model of the tuning goes the same way. The endpoint's date, an hour from now,
# belongs into the command that creates it.

# %% [markdown] lang="es"
# ## Alojamiento
#
# Primero se escribe en un archivo, ya que el mejor modelo del ajuste sigue el mismo camino. La fecha del endpoint, dentro
# de una hora, va en el comando que lo crea.

# %% language="bash"
# set -e
# cat > "$NAME/deploy.sh" <<'END'
# set -e
# endpoint="$1" job="$2"
# model=$(aws sagemaker describe-training-job --training-job-name "$job" \
#     --query ModelArtifacts.S3ModelArtifacts --output text)
# aws sagemaker create-model --model-name "$endpoint" --execution-role-arn "$ROLE" \
#     --primary-container "Image=$IMAGE,ModelDataUrl=$model" --tags "Key=project,Value=$PROJECT"
# aws sagemaker create-endpoint-config --endpoint-config-name "$endpoint" --tags "Key=project,Value=$PROJECT" \
#     --production-variants "VariantName=AllTraffic,ModelName=$endpoint,ServerlessConfig={MemorySizeInMB=2048,MaxConcurrency=5}"
# expires_at=$(python3 -c 'import time; print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)))')
# aws sagemaker create-endpoint --endpoint-name "$endpoint" --endpoint-config-name "$endpoint" \
#     --tags "Key=project,Value=$PROJECT" "Key=expires-at,Value=$expires_at"
# describe() { aws sagemaker describe-endpoint --endpoint-name "$endpoint" --query "$1" --output text; }
# state=$(describe EndpointStatus)
# while [ "$state" = Creating ]; do sleep 5; state=$(describe EndpointStatus); done
# if [ "$state" != InService ]; then echo "$endpoint is $state: $(describe FailureReason)" >&2; exit 1; fi
# echo "$endpoint serves until $expires_at"
# END
# bash "$NAME/deploy.sh" "$NAME" "$NAME"

# %% [markdown] lang="en"
# ## Evaluation
#
# A request for each file; the answers together have a number for each test row.

# %% [markdown] lang="es"
# ## Evaluación
#
# Una petición por archivo; las respuestas juntas tienen un número por cada fila de prueba.

# %% language="bash"
# set -e
# cat > "$NAME/predict.sh" <<'END'
# set -e
# endpoint="$1"
# mkdir -p "$NAME/scores/$endpoint"
# for batch in "$NAME"/test/*.csv; do
#     aws sagemaker-runtime invoke-endpoint --endpoint-name "$endpoint" --content-type text/csv --accept text/csv \
#         --body "fileb://$batch" "$NAME/scores/$endpoint/$(basename "$batch")" > /dev/null
# done
# END
# bash "$NAME/predict.sh" "$NAME"


# %%
def confusion(endpoint):
    answers = sorted((folder / "scores" / endpoint).glob("*.csv"))
    texts = " ".join(answer.read_text().replace(",", " ") for answer in answers).split()
    scores = pd.Series([float(text) for text in texts], index=test_data.index)
    return pd.crosstab(
        index=test_data["Class"], columns=(scores >= 0.5).astype(int), rownames=["actual"], colnames=["predictions"]
    )


confusion(name)

# %% [markdown] lang="en"
# ## Tuning

# %% [markdown] lang="es"
# ## Ajuste de hiperparámetros

# %% language="bash"
# set -e
# channel() {
#     echo "{\"ChannelName\": \"$1\", \"ContentType\": \"text/csv\", \"DataSource\": {\"S3DataSource\":
#           {\"S3DataType\": \"S3Prefix\", \"S3Uri\": \"$RUN/$1/\"}}}"
# }
# range() { echo "{\"Name\": \"$1\", \"MinValue\": \"$2\", \"MaxValue\": \"$3\"}"; }
# aws sagemaker create-hyper-parameter-tuning-job \
#     --hyper-parameter-tuning-job-name "$NAME" \
#     --hyper-parameter-tuning-job-config "{
#         \"Strategy\": \"Bayesian\",
#         \"HyperParameterTuningJobObjective\": {\"Type\": \"Maximize\", \"MetricName\": \"validation:auc\"},
#         \"ResourceLimits\": {\"MaxNumberOfTrainingJobs\": 9, \"MaxParallelTrainingJobs\": 3},
#         \"ParameterRanges\": {
#             \"ContinuousParameterRanges\": [$(range eta 0 1), $(range min_child_weight 0 10), $(range alpha 0 2)],
#             \"IntegerParameterRanges\": [$(range max_depth 1 10)]
#         }
#     }" \
#     --training-job-definition "{
#         \"AlgorithmSpecification\": {\"TrainingImage\": \"$IMAGE\", \"TrainingInputMode\": \"File\"},
#         \"StaticHyperParameters\": {\"gamma\": \"4\", \"subsample\": \"0.8\", \"objective\": \"binary:logistic\",
#                                     \"eval_metric\": \"auc\", \"num_round\": \"100\"},
#         \"RoleArn\": \"$ROLE\",
#         \"InputDataConfig\": [$(channel train), $(channel validation)],
#         \"OutputDataConfig\": {\"S3OutputPath\": \"$RUN/output\"},
#         \"ResourceConfig\": {\"InstanceType\": \"$INSTANCE_TYPE\", \"InstanceCount\": 1, \"VolumeSizeInGB\": 10},
#         \"StoppingCondition\": {\"MaxRuntimeInSeconds\": 3600}
#     }" \
#     --tags "Key=project,Value=$PROJECT"
#
# describe() {
#     aws sagemaker describe-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name "$NAME" --query "$1" --output text
# }
# state=$(describe HyperParameterTuningJobStatus)
# while [ "$state" = InProgress ]; do sleep 5; state=$(describe HyperParameterTuningJobStatus); done
# if [ "$state" != Completed ]; then echo "$NAME is $state: $(describe FailureReason)" >&2; exit 1; fi
# describe BestTrainingJob.TrainingJobName > "$NAME/best.txt"
# describe "BestTrainingJob.[TrainingJobName, FinalHyperParameterTuningJobObjectiveMetric.Value]"

# %% language="bash"
# set -e
# bash "$NAME/deploy.sh" "$NAME-tuned" "$(cat "$NAME/best.txt")"
# bash "$NAME/predict.sh" "$NAME-tuned"

# %%
confusion(f"{name}-tuned")

# %% [markdown] lang="en"
# ## Clean up
#
# You may run this cell at any time, and more than once: it stops the jobs of this notebook's name that still run, and deletes
# its endpoints, configurations and models as far as they are there. The janitor may have been here before you.

# %% [markdown] lang="es"
# ## Limpieza
#
# Puedes ejecutar esta celda en cualquier momento y más de una vez: detiene los trabajos con el nombre de este notebook que
# sigan en marcha y elimina sus endpoints, configuraciones y modelos, si todavía existen. Puede que el janitor haya pasado
# antes.

# %% language="bash"
# set -eu
# unless_gone() {  # what is gone has no tag by which you may touch it, and a job that has ended can't be stopped
#     if told=$(aws sagemaker "$@" 2>&1); then
#         echo "$*"
#     elif ! grep -qE "AccessDenied|ResourceNotFound|ValidationException" <<< "$told"; then
#         echo "$told" >&2
#         exit 1
#     fi
# }
# list() { aws sagemaker list-endpoints --name-contains "$NAME" --query "$1" --output text; }
#
# unless_gone stop-training-job --training-job-name "$NAME"
# unless_gone stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name "$NAME"
# left=$(list "Endpoints[].EndpointName")
# while [ -n "$left" ]; do
#     there=$(list "Endpoints[?EndpointStatus!='Deleting'].EndpointName")
#     for endpoint in $there; do unless_gone delete-endpoint --endpoint-name "$endpoint"; done
#     sleep 5
#     left=$(list "Endpoints[].EndpointName")
# done
# for each in "$NAME" "$NAME-tuned"; do
#     unless_gone delete-endpoint-config --endpoint-config-name "$each"
#     unless_gone delete-model --model-name "$each"
# done
# rm -rf "$NAME"
# echo "Endpoints left: none"

# %% [markdown] lang="en"
# JupyterLab itself is still on: it bills until it has been idle for an hour, and its volume until the space is deleted.
# When you are done, open Studio → **JupyterLab**, and in your space's row choose **Stop**, then **Delete**; your files in
# the space go with it.

# %% [markdown] lang="es"
# JupyterLab sigue encendido: se factura hasta que lleva una hora inactivo, y su volumen hasta que se elimina el espacio.
# Cuando termines, abre Studio → **JupyterLab** y, en la fila de tu espacio, elige **Stop** y luego **Delete**; tus archivos
# del espacio se eliminan con él.
