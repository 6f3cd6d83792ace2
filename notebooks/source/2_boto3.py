# %% [markdown] lang="en"
# # The same in plain boto3
#
# The SageMaker SDK is one of three ways to SageMaker's API. This is the second: `boto3`, which gives each operation of
# the API as it is. More to write, and nothing hidden: what the state machine of this stack sends looks just like this.
#
# It costs what the first notebook costs, about 0.20 USD, and its last cell removes all that it made, too. Its
# `instance_type` must be one of those that the settings allow: `studio_instance_types` in `cdk.json`.

# %% [markdown] lang="es"
# # Lo mismo con boto3
#
# El SDK de SageMaker es uno de los tres caminos a la API de SageMaker. Este es el segundo: `boto3`, que ofrece cada
# operación de la API tal cual. Hay que escribir más y nada queda oculto: lo que envía la máquina de estados de este
# stack tiene el mismo aspecto.
#
# Cuesta lo mismo que el primer notebook, unos 0,20 USD, y también su última celda elimina todo lo que ha creado. Su
# `instance_type` debe ser uno de los que permite la configuración: `studio_instance_types` en `cdk.json`.

# %%
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pandas as pd
from botocore.exceptions import ClientError

(stack,) = json.loads(Path("../stack.json").read_text()).values()
bucket, role, image, project = (stack[key] for key in ("BucketName", "ExecutionRoleArn", "TrainingImage", "Project"))

name = f"{project}-boto3-{datetime.now(UTC):%y%m%d-%H%M%S}"
prefix = f"runs/{name}"
tags = [{"Key": "project", "Value": project}]
instance_type = "ml.m5.xlarge"
s3, sagemaker, runtime = (boto3.client(service) for service in ("s3", "sagemaker", "sagemaker-runtime"))
print(name)

# %% [markdown] lang="en"
# ## Data
#
# Read, shuffled and split as in the first notebook: label first, no header.

# %% [markdown] lang="es"
# ## Datos
#
# Leídos, barajados y divididos como en el primer notebook: la etiqueta primero, sin cabecera.

# %%
source = os.environ.get(
    "DATA", "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"
)
data = pd.read_csv(source)
shuffled = pd.concat([data["Class"], data.drop(columns="Class")], axis=1).sample(frac=1, random_state=1729)
first, second = int(0.7 * len(shuffled)), int(0.9 * len(shuffled))
test_data = shuffled[second:]
for channel, rows in (("train", shuffled[:first]), ("validation", shuffled[first:second])):
    body = rows.to_csv(header=False, index=False).encode()
    s3.put_object(Bucket=bucket, Key=f"{prefix}/{channel}/{channel}.csv", Body=body)

# %% [markdown] lang="en"
# ## Training
#
# All values of hyperparameters are texts. A training job that is told no longest time gets a day; here it gets an hour.

# %% [markdown] lang="es"
# ## Entrenamiento
#
# Los valores de los hiperparámetros son siempre textos. Un trabajo de entrenamiento al que no se le da un tiempo máximo
# recibe un día; aquí recibe una hora.

# %%
channels = [
    {
        "ChannelName": channel,
        "ContentType": "text/csv",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{prefix}/{channel}/"}},
    }
    for channel in ("train", "validation")
]
hyperparameters = {
    "max_depth": "5",
    "eta": "0.2",
    "gamma": "4",
    "min_child_weight": "6",
    "subsample": "0.8",
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "num_round": "100",
}
job = {
    "RoleArn": role,
    "InputDataConfig": channels,
    "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{prefix}/output"},
    "ResourceConfig": {"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
sagemaker.create_training_job(
    TrainingJobName=name, AlgorithmSpecification=algorithm, HyperParameters=hyperparameters, Tags=tags, **job
)


def ended(describe, status):
    """What `describe` answers, once its `status` says that it goes on no more."""
    while (answer := describe())[status] in ("Creating", "InProgress", "Stopping"):
        time.sleep(5)
    if answer[status] not in ("Completed", "InService"):
        raise RuntimeError(f"{answer[status]}: {answer.get('FailureReason')}")
    return answer


trained = ended(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")
print(trained["TrainingJobStatus"], trained["BillableTimeInSeconds"], "s")
{metric["MetricName"]: metric["Value"] for metric in trained["FinalMetricDataList"]}

# %% [markdown] lang="en"
# ## Hosting
#
# Three calls: the model, the configuration, the endpoint. The endpoint's date belongs into the call that creates it.

# %% [markdown] lang="es"
# ## Alojamiento
#
# Tres llamadas: el modelo, la configuración y el endpoint. La fecha del endpoint va en la llamada que lo crea.


# %%
def deploy(name, model_data):
    """A model, its configuration and its endpoint, all of the same name; waits until it serves."""
    expires_at = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": image, "ModelDataUrl": model_data},
        ExecutionRoleArn=role,
        Tags=tags,
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tags)
    sagemaker.create_endpoint(
        EndpointName=name, EndpointConfigName=name, Tags=[*tags, {"Key": "expires-at", "Value": expires_at}]
    )
    ended(lambda: sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus")
    print(f"{name} serves until {expires_at}")


deploy(name, trained["ModelArtifacts"]["S3ModelArtifacts"])

# %% [markdown] lang="en"
# ## Evaluation

# %% [markdown] lang="es"
# ## Evaluación


# %%
def predict(rows, endpoint, batch=500):
    """The probability of fraud of each row."""
    scores = []
    for start in range(0, len(rows), batch):
        body = rows[start : start + batch].to_csv(header=False, index=False)
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body)
        scores += [float(score) for score in answer["Body"].read().decode().replace(",", "\n").split()]
    return pd.Series(scores, index=rows.index)


def confusion(rows, scores):
    return pd.crosstab(
        index=rows["Class"], columns=(scores >= 0.5).astype(int), rownames=["actual"], colnames=["predictions"]
    )


confusion(test_data, predict(test_data.drop(columns="Class"), name))

# %% [markdown] lang="en"
# ## Tuning
#
# What is searched is a range, all else a static hyperparameter. `_tuning_objective_metric` and the like are SageMaker's
# business. A tuning job's name has 32 characters at most.

# %% [markdown] lang="es"
# ## Ajuste de hiperparámetros
#
# Lo que se busca es un rango; todo lo demás, un hiperparámetro estático. `_tuning_objective_metric` y similares son
# asunto de SageMaker. El nombre de un trabajo de ajuste tiene 32 caracteres como máximo.

# %%
ranges = {"eta": (0, 1), "min_child_weight": (0, 10), "alpha": (0, 2)}
sagemaker.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=name,
    HyperParameterTuningJobConfig={
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3},
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": parameter, "MinValue": str(low), "MaxValue": str(high)}
                for parameter, (low, high) in ranges.items()
            ],
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "10"}],
        },
    },
    TrainingJobDefinition={
        "AlgorithmSpecification": algorithm,
        "StaticHyperParameters": {
            parameter: value for parameter, value in hyperparameters.items() if parameter not in (*ranges, "max_depth")
        },
        **job,
    },
    Tags=tags,
)
tuned = ended(
    lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
    "HyperParameterTuningJobStatus",
)
best = tuned["BestTrainingJob"]
print(best["TrainingJobName"], best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
best["TunedHyperParameters"]

# %%
best_job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
deploy(f"{name}-tuned", best_job["ModelArtifacts"]["S3ModelArtifacts"])
confusion(test_data, predict(test_data.drop(columns="Class"), f"{name}-tuned"))

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


# %%
def unless_gone(call, **which):
    """What is gone has no tag by which you may touch it, and a job that has ended can't be stopped."""
    try:
        call(**which)
        print(call.__name__, *which.values())
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDeniedException", "ResourceNotFound", "ValidationException"):
            raise


unless_gone(sagemaker.stop_training_job, TrainingJobName=name)
unless_gone(sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
while left := sagemaker.list_endpoints(NameContains=name)["Endpoints"]:
    for each in left:
        if each["EndpointStatus"] != "Deleting":
            unless_gone(sagemaker.delete_endpoint, EndpointName=each["EndpointName"])
    time.sleep(5)
for each in (name, f"{name}-tuned"):
    unless_gone(sagemaker.delete_endpoint_config, EndpointConfigName=each)
    unless_gone(sagemaker.delete_model, ModelName=each)
print("Endpoints left:", left)

# %% [markdown] lang="en"
# JupyterLab itself is still on: it bills until it has been idle for an hour, and its volume until the space is deleted.
# When you are done, open Studio → **JupyterLab**, and in your space's row choose **Stop**, then **Delete**; your files in
# the space go with it.

# %% [markdown] lang="es"
# JupyterLab sigue encendido: se factura hasta que lleva una hora inactivo, y su volumen hasta que se elimina el espacio.
# Cuando termines, abre Studio → **JupyterLab** y, en la fila de tu espacio, elige **Stop** y luego **Delete**; tus archivos
# del espacio se eliminan con él.
