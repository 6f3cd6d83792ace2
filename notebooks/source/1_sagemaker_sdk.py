# %% [markdown] lang="en"
# # Fraud detection with the SageMaker Python SDK
#
# The lesson, step by step, on version 3 of the SDK: look at the data, prepare it, train, deploy, predict, tune, deploy
# the best, clean up. Version 3 has other names than the lesson's: `ModelTrainer` is the new `Estimator`, and an endpoint
# is made of three things that you see here one by one.
#
# **What it costs:** ten training jobs of some five minutes each, about 0.20 USD; the endpoints are serverless and cost
# while they answer. **Nothing of it stays on:** the last cells remove it all, and should you stop halfway, each endpoint
# has a date on which it goes by itself.

# %% [markdown] lang="es"
# # Detección de fraude con el SDK de SageMaker para Python
#
# La lección, paso a paso, con la versión 3 del SDK: mirar los datos, prepararlos, entrenar, desplegar, predecir,
# ajustar, desplegar el mejor modelo y limpiar. La versión 3 usa otros nombres que la lección: `ModelTrainer` es el nuevo
# `Estimator`, y un endpoint se compone de tres cosas que aquí verás una por una.
#
# **Qué cuesta:** diez trabajos de entrenamiento de unos cinco minutos cada uno, unos 0,20 USD; los endpoints son
# serverless y cuestan solo mientras responden. **Nada de eso queda encendido:** las últimas celdas lo eliminan todo y,
# si te detienes a la mitad, cada endpoint tiene una fecha en la que desaparece solo.

# %% [markdown] lang="en"
# ## Preparation
#
# This installs the SDK's version 3, if the kernel does not have it yet. If a cell says later that `sagemaker` has no
# `train`, restart the kernel once, and go on from here.

# %% [markdown] lang="es"
# ## Preparación
#
# Esto instala la versión 3 del SDK si el kernel aún no la tiene. Si más adelante una celda dice que `sagemaker` no tiene
# `train`, reinicia el kernel una vez y continúa desde aquí.

# %%
# %pip install --quiet --disable-pip-version-check sagemaker==3.27.0

# %% [markdown] lang="en"
# Before the SDK starts a job, it looks whether the job's role may do all that any job may ever need, networks of one's own
# included, and refuses to start it otherwise. This stack's role may do what its jobs need and no more, so the SDK is told
# not to look.

# %% [markdown] lang="es"
# Antes de iniciar un trabajo, el SDK comprueba si el rol del trabajo puede hacer todo lo que cualquier trabajo pueda llegar
# a necesitar, redes propias incluidas, y si no, se niega a iniciarlo. El rol de este stack puede hacer lo que necesitan sus
# trabajos y nada más, así que le decimos al SDK que no lo compruebe.

# %%
import os

os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"

# %%
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pandas as pd
from botocore.exceptions import ClientError
from matplotlib import pyplot as plt
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.inference_config import ServerlessInferenceConfig
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.resources import HyperParameterTuningJob
from sagemaker.core.shapes import OutputDataConfig, StoppingCondition, Tag
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.tuner import HyperparameterTuner

logging.getLogger("botocore").setLevel(logging.WARNING)
for logger in ("sagemaker", "sagemaker.config"):
    logging.getLogger(logger).setLevel(logging.ERROR)  # it warns whenever it takes the session's region
print("pandas", pd.__version__)

# %% [markdown] lang="en"
# Bucket, role and image come from the deployed stack. In Studio the file `stack.json` lies there already; on your own
# computer `cdk deploy` writes it into `notebooks`: work in a copy of that folder. The lesson asks
# `get_execution_role()` for the role; here you work in one role, and your jobs run in another that can read this
# stack's bucket and do little else.
#
# Everything that you make begins with the project's name and bears its tag: only so are you allowed to make it.
# `instance_type` must be one of those that the settings allow: `studio_instance_types` in `cdk.json`.

# %% [markdown] lang="es"
# El bucket, el rol y la imagen vienen del stack desplegado. En Studio el archivo `stack.json` ya está ahí; en tu propio
# ordenador lo escribe `cdk deploy` en `notebooks`: trabaja en una copia de esa carpeta. La lección pide el rol a
# `get_execution_role()`; aquí tú trabajas con un rol, y tus trabajos se ejecutan con otro que puede leer el bucket de
# este stack y poco más.
#
# Todo lo que creas empieza con el nombre del proyecto y lleva su etiqueta: solo así se te permite crearlo.
# `instance_type` debe ser uno de los que permite la configuración: `studio_instance_types` en `cdk.json`.

# %%
(stack,) = json.loads(Path("../stack.json").read_text()).values()
bucket, role, image, project = (stack[name] for name in ("BucketName", "ExecutionRoleArn", "TrainingImage", "Project"))

name = f"{project}-sdk-{datetime.now(UTC):%y%m%d-%H%M%S}"
prefix = f"runs/{name}"
tags = [{"Key": "project", "Value": project}]
session = Session(default_bucket=bucket)
instance_type = "ml.m5.xlarge"
trained = None  # the training job, once there is one
print(f"{name}: s3://{bucket}/{prefix}")

# %% [markdown] lang="en"
# ## Data
#
# The lesson's file, straight from its public address: a zip with one CSV file, which pandas reads as it is. Put the path
# or the address of another file there for your own.

# %% [markdown] lang="es"
# ## Datos
#
# El archivo de la lección, directamente de su dirección pública: un zip con un CSV, que pandas lee tal cual. Pon ahí la
# ruta o la dirección de otro archivo para usar el tuyo.

# %%
source = os.environ.get(
    "DATA", "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip"
)
data = pd.read_csv(source)
print(data.columns)
data[["Time", "V1", "V2", "V27", "V28", "Amount", "Class"]].describe()

# %%
data.head(10)

# %% [markdown] lang="en"
# The columns V1 to V28 are anonymous: principal components, so their mean is 0. `Class` says whether a transaction is
# fraudulent.

# %% [markdown] lang="es"
# Las columnas V1 a V28 son anónimas: componentes principales, por lo que su media es 0. `Class` dice si una transacción
# es fraudulenta.

# %%
nonfrauds, frauds = data.groupby("Class").size()
print("Number of frauds: ", frauds)
print("Number of non-frauds: ", nonfrauds)
print(f"Percentage of fraudulent data: {100 * frauds / (frauds + nonfrauds):.3f}")

# %% [markdown] lang="en"
# How the two classes differ in two columns. A bar's height is its share of the class, in percent; an amount of more
# than 500 is in the last bar.

# %% [markdown] lang="es"
# En qué se diferencian las dos clases en dos columnas. La altura de una barra es su proporción dentro de la clase, en
# tanto por ciento; los importes de más de 500 están en la última barra.

# %%
figure, panels = plt.subplots(1, 2, figsize=(11, 3.5), layout="constrained")
for panel, column in zip(panels, ("Amount", "V4"), strict=True):
    values = data[column].clip(upper=500)
    for each, of_class in values.groupby(data["Class"]):
        weights = [100 / len(of_class)] * len(of_class)
        panel.hist(
            of_class, bins=25, range=(values.min(), values.max()), weights=weights, alpha=0.6, label=f"Class {each}"
        )
    panel.set(title=column, ylabel="%")
    panel.legend()
panels[0].set_xticks([0, 100, 200, 300, 400, 500], ["0", "100", "200", "300", "400", "≥ 500"])
plt.show()

# %% [markdown] lang="en"
# So few frauds make accuracy worthless: a model that always says "genuine" has 99.8 %. Look at recall and precision.
#
# XGBoost wants the label in the first column, and neither header nor index. 70 % of the rows are for training, 20 % for
# validation, 10 % for the test, shuffled as in the lesson.

# %% [markdown] lang="es"
# Con tan pocos fraudes la exactitud (*accuracy*) no sirve: un modelo que siempre dice «genuina» tiene un 99,8 %. Mira la
# exhaustividad (*recall*) y la precisión (*precision*).
#
# XGBoost quiere la etiqueta en la primera columna, sin cabecera ni índice. El 70 % de las filas es para entrenar, el
# 20 % para validar y el 10 % para la prueba, barajadas como en la lección.

# %%
model_data = pd.concat([data["Class"], data.drop(columns="Class")], axis=1)
shuffled = model_data.sample(frac=1, random_state=1729)
first, second = int(0.7 * len(shuffled)), int(0.9 * len(shuffled))
train_data, validation_data, test_data = shuffled[:first], shuffled[first:second], shuffled[second:]

s3 = boto3.client("s3")
for channel, rows in (("train", train_data), ("validation", validation_data)):
    key = f"{prefix}/{channel}/{channel}.csv"
    s3.put_object(Bucket=bucket, Key=key, Body=rows.to_csv(header=False, index=False).encode())
    print(f"{len(rows):,} rows: s3://{bucket}/{key}")

# %% [markdown] lang="en"
# ## Training
#
# SageMaker runs the job on an instance of its own, and ends that instance with the job. Small differences to the
# lesson: the image's version is a fixed one (`latest` means a very old one by now), `silent` is no longer a
# hyperparameter, and the instance type is a current one. What the job prints is in CloudWatch, in the group
# `/aws/sagemaker/TrainingJobs`. (The trainer keeps its job under a name with an underscore: the SDK has no other way to
# it, and its own examples do the same.)

# %% [markdown] lang="es"
# ## Entrenamiento
#
# SageMaker ejecuta el trabajo en una instancia propia, que termina junto con el trabajo. Pequeñas diferencias con la
# lección: la versión de la imagen es fija (`latest` significa hoy una muy antigua), `silent` ya no es un hiperparámetro
# y el tipo de instancia es uno actual. Lo que escribe el trabajo está en CloudWatch, en el grupo
# `/aws/sagemaker/TrainingJobs`. (El `trainer` guarda su trabajo en un atributo con guion bajo: el SDK no ofrece otra
# vía y sus propios ejemplos hacen lo mismo.)

# %%
inputs = [
    InputData(channel_name=channel, data_source=f"s3://{bucket}/{prefix}/{channel}/", content_type="text/csv")
    for channel in ("train", "validation")
]
trainer = ModelTrainer(
    sagemaker_session=session,
    training_image=image,
    role=role,
    base_job_name=name,
    compute=Compute(instance_type=instance_type, instance_count=1, volume_size_in_gb=10),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/{prefix}/output"),
    hyperparameters={
        "max_depth": 5,
        "eta": 0.2,
        "gamma": 4,
        "min_child_weight": 6,
        "subsample": 0.8,
        "objective": "binary:logistic",
        "eval_metric": "auc",
        "num_round": 100,
    },
    tags=[Tag(key="project", value=project)],
)
trainer.train(input_data_config=inputs, wait=False, logs=False)
trained = trainer._latest_training_job
trained.wait()

# %%
print(trained.training_job_name, trained.training_job_status, trained.billable_time_in_seconds, "s")
{metric.metric_name: metric.value for metric in trained.final_metric_data_list}

# %% [markdown] lang="en"
# ## Hosting
#
# An endpoint serves by a configuration, and a configuration by a model. The endpoint bears, from the first moment, the
# date on which it goes: an hour from now. Without one you are not allowed to create it.
#
# It is serverless: it costs while it answers, and nothing in between. For an instance, as in the lesson, give `deploy`
# `instance_type=instance_type, initial_instance_count=1` instead of `inference_config`; an ml.m5.xlarge costs 0.23 USD
# an hour.

# %% [markdown] lang="es"
# ## Alojamiento
#
# Un endpoint sirve según una configuración, y una configuración según un modelo. El endpoint lleva, desde el primer
# momento, la fecha en la que desaparece: dentro de una hora. Sin ella no se te permite crearlo.
#
# Es serverless: cuesta mientras responde y nada entre medias. Para una instancia, como en la lección, pon
# `instance_type=instance_type, initial_instance_count=1` en lugar de `inference_config`; una ml.m5.xlarge cuesta
# 0,23 USD por hora.


# %%
def deploy(name, model_data):
    """A model, its configuration and its endpoint, all of the same name; waits until it serves."""
    expires_at = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    builder = ModelBuilder(
        sagemaker_session=session,
        image_uri=image,
        s3_model_data_url=model_data,
        role_arn=role,
        log_level=logging.ERROR,
    )
    builder.build(model_name=name, tags=tags)
    endpoint = builder.deploy(
        endpoint_name=name,
        inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5),
        tags=[*tags, {"Key": "expires-at", "Value": expires_at}],
        wait=False,
    )
    endpoint.wait_for_status("InService")
    print(f"{name} serves until {expires_at}")
    return endpoint


endpoint = deploy(name, trained.model_artifacts.s3_model_artifacts)

# %% [markdown] lang="en"
# ## Evaluation
#
# The test rows go to the endpoint in batches of 500, as CSV and without the label. The answer is a number a row: the
# probability of fraud. (Different versions of the image put commas or line breaks between them.)

# %% [markdown] lang="es"
# ## Evaluación
#
# Las filas de prueba van al endpoint en lotes de 500, como CSV y sin la etiqueta. La respuesta es un número por fila: la
# probabilidad de fraude. (Las distintas versiones de la imagen los separan con comas o con saltos de línea.)


# %%
def predict(rows, endpoint, batch=500):
    """The probability of fraud of each row."""
    scores = []
    for start in range(0, len(rows), batch):
        body = rows[start : start + batch].to_csv(header=False, index=False)
        answer = endpoint.invoke(body=body, content_type="text/csv", accept="text/csv")
        scores += [float(score) for score in answer.body.read().decode().replace(",", "\n").split()]
    return pd.Series(scores, index=rows.index)


def confusion(rows, scores):
    return pd.crosstab(
        index=rows["Class"], columns=(scores >= 0.5).astype(int), rownames=["actual"], colnames=["predictions"]
    )


scores = predict(test_data.drop(columns="Class"), endpoint)
confusion(test_data, scores)

# %% [markdown] lang="en"
# The lower left are frauds that were missed, the upper right false alarms.
#
# ## Tuning
#
# Nine jobs look for better values, three at a time, and each teaches the next ones where to look.

# %% [markdown] lang="es"
# Abajo a la izquierda están los fraudes que se escaparon; arriba a la derecha, las falsas alarmas.
#
# ## Ajuste de hiperparámetros
#
# Nueve trabajos buscan valores mejores, tres a la vez, y cada uno enseña a los siguientes dónde mirar.

# %%
tuner = HyperparameterTuner(
    model_trainer=trainer,
    objective_metric_name="validation:auc",
    hyperparameter_ranges={
        "eta": ContinuousParameter(0, 1),
        "min_child_weight": ContinuousParameter(0, 10),
        "alpha": ContinuousParameter(0, 2),
        "max_depth": IntegerParameter(1, 10),
    },
    max_jobs=9,
    max_parallel_jobs=3,
    tags=tags,
)
tuner.tune(inputs, job_name=name)

# %%
tuning = HyperParameterTuningJob.get(name)
print(tuning.hyper_parameter_tuning_job_status)
best = tuning.best_training_job
print(best.training_job_name, best.final_hyper_parameter_tuning_job_objective_metric.value)
best.tuned_hyper_parameters

# %% [markdown] lang="en"
# The best job's model goes to an endpoint like the first one's. Where the two differ by a row or two, that is luck: a
# test part of the lesson's data has some 50 frauds. (The pipeline compares both on the validation rows, and serves the
# better one.)

# %% [markdown] lang="es"
# El modelo del mejor trabajo va a un endpoint como el primero. Si los dos difieren en una o dos filas, es azar: la parte
# de prueba de los datos de la lección tiene unos 50 fraudes. (El pipeline compara ambos en las filas de validación y
# sirve el mejor.)

# %%
tuned_endpoint = deploy(f"{name}-tuned", f"s3://{bucket}/{prefix}/output/{best.training_job_name}/output/model.tar.gz")
tuned_scores = predict(test_data.drop(columns="Class"), tuned_endpoint)
confusion(test_data, tuned_scores)

# %% [markdown] lang="en"
# ## Clean up
#
# You may run this cell at any time, and more than once: it stops the jobs of this notebook's name that still run, and deletes
# its endpoints, configurations and models as far as they are there. The janitor may have been here before you.
#
# The files in the bucket cost less than a cent a month and go with the stack, at `cdk destroy`.

# %% [markdown] lang="es"
# ## Limpieza
#
# Puedes ejecutar esta celda en cualquier momento y más de una vez: detiene los trabajos con el nombre de este notebook que
# sigan en marcha y elimina sus endpoints, configuraciones y modelos, si todavía existen. Puede que el janitor haya pasado
# antes.
#
# Los archivos del bucket cuestan menos de un céntimo al mes y se eliminan con el stack, con `cdk destroy`.


# %%
def unless_gone(call, **which):
    """What is gone has no tag by which you may touch it, and a job that has ended can't be stopped."""
    try:
        call(**which)
        print(call.__name__, *which.values())
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDeniedException", "ResourceNotFound", "ValidationException"):
            raise


client = session.sagemaker_client
if trained:
    unless_gone(client.stop_training_job, TrainingJobName=trained.training_job_name)
unless_gone(client.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
while left := client.list_endpoints(NameContains=name)["Endpoints"]:
    for each in left:
        if each["EndpointStatus"] != "Deleting":
            unless_gone(client.delete_endpoint, EndpointName=each["EndpointName"])
    time.sleep(5)
for each in (name, f"{name}-tuned"):
    unless_gone(client.delete_endpoint_config, EndpointConfigName=each)
    unless_gone(client.delete_model, ModelName=each)
print("Endpoints left:", left)

# %% [markdown] lang="en"
# That was the lesson by hand. The state machine of this stack does all of it in one go, with the best threshold, a
# report, and a registered model: open **Step Functions**, choose the machine whose name ends in `-pipeline`, and start
# an execution with `{}`.

# %% [markdown] lang="es"
# Eso fue la lección a mano. La máquina de estados de este stack lo hace todo de una vez, con el mejor umbral, un informe
# y un modelo registrado: abre **Step Functions**, elige la máquina cuyo nombre termina en `-pipeline` e inicia una
# ejecución con `{}`.

# %% [markdown] lang="en"
# JupyterLab itself is still on: it bills until it has been idle for an hour, and its volume until the space is deleted.
# When you are done, open Studio → **JupyterLab**, and in your space's row choose **Stop**, then **Delete**; your files in
# the space go with it.

# %% [markdown] lang="es"
# JupyterLab sigue encendido: se factura hasta que lleva una hora inactivo, y su volumen hasta que se elimina el espacio.
# Cuando termines, abre Studio → **JupyterLab** y, en la fila de tu espacio, elige **Stop** y luego **Delete**; tus archivos
# del espacio se eliminan con él.
