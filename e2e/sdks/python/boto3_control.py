"""The lists and details of models and inference profiles."""

from aws import ACCOUNT, MODEL, NOVA, PROFILE, control, converse
from botocore.exceptions import ClientError
from scenario import need, raises, scenario


def models(**filters):
    return control.list_foundation_models(**filters)["modelSummaries"]


@scenario("ListFoundationModels describes each model")
def _():
    known = {m["modelId"]: m for m in models()}
    claude, nova = known[MODEL], known[NOVA]
    need(claude["modelArn"] == f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}" and claude["providerName"] == "Anthropic", claude)
    need(claude["inferenceTypesSupported"] == ["INFERENCE_PROFILE"] and "ON_DEMAND" in nova["inferenceTypesSupported"], claude, nova)
    need("TEXT" in claude["outputModalities"] and "IMAGE" in claude["inputModalities"] and claude["responseStreamingSupported"], claude)
    need(claude["modelLifecycle"]["status"] in ("ACTIVE", "LEGACY"), claude)


@scenario("ListFoundationModels filters by provider, modality and inference type")
def _():
    everything = models()
    anthropic = models(byProvider="anthropic")
    need(anthropic and {m["providerName"] for m in anthropic} == {"Anthropic"} and len(anthropic) < len(everything), anthropic)
    embedding = models(byOutputModality="EMBEDDING")
    need(all("EMBEDDING" in m["outputModalities"] for m in embedding) and len(embedding) < len(everything), embedding)
    demand = models(byInferenceType="ON_DEMAND")
    need(demand and all("ON_DEMAND" in m["inferenceTypesSupported"] for m in demand) and MODEL not in {m["modelId"] for m in demand}, demand)
    need(models(byProvider="Amazon", byInferenceType="ON_DEMAND", byOutputModality="TEXT"), "no Amazon model on demand")
    need(not models(byCustomizationType="FINE_TUNING"), "nothing can be customized")
    e = raises(control.exceptions.ValidationException, models, byOutputModality="SMELL")
    need("byOutputModality" in str(e), e)


@scenario("GetFoundationModel answers to an id and to an ARN")
def _():
    by_id = control.get_foundation_model(modelIdentifier=MODEL)["modelDetails"]
    need(by_id["modelId"] == MODEL, by_id)
    need(control.get_foundation_model(modelIdentifier=by_id["modelArn"])["modelDetails"] == by_id, by_id)
    e = raises(ClientError, control.get_foundation_model, modelIdentifier="anthropic.claude-9-v1:0")
    need(e.response["Error"]["Message"] == "The provided model identifier is invalid.", e.response)


@scenario("ListInferenceProfiles pages through all, each once")
def _():
    pages = list(control.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 7}))
    paged = [p["inferenceProfileId"] for page in pages for p in page["inferenceProfileSummaries"]]
    whole = [p["inferenceProfileId"] for p in control.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]]
    need(len(pages) > 2 and paged == whole and len(set(paged)) == len(paged) and PROFILE in paged, len(pages), paged)
    need(all(len(p["inferenceProfileSummaries"]) <= 7 for p in pages), "a page is too long")
    own = control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    need([p["type"] for p in own] == ["APPLICATION"], own)
    raises(control.exceptions.ValidationException, control.list_inference_profiles, nextToken="nonsense")


@scenario("GetInferenceProfile answers to an id and to an ARN")
def _():
    by_id = control.get_inference_profile(inferenceProfileIdentifier=PROFILE)
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{PROFILE}"
    need(by_id["inferenceProfileArn"] == arn and by_id["status"] == "ACTIVE" and by_id["type"] == "SYSTEM_DEFINED", by_id)
    need(len(by_id["models"]) > 1 and all(m["modelArn"].endswith("/" + MODEL) for m in by_id["models"]), by_id)
    by_arn = control.get_inference_profile(inferenceProfileIdentifier=arn)
    need(by_arn["inferenceProfileId"] == PROFILE and by_arn["models"] == by_id["models"], by_arn)
    raises(control.exceptions.ResourceNotFoundException, control.get_inference_profile, inferenceProfileIdentifier="us.nothing-v1:0")


@scenario("an application inference profile can be called by its ARN")
def _():
    own = control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"][0]
    need(converse("Hello.", modelId=own["inferenceProfileArn"])["stopReason"] == "end_turn", own)
    need(converse("Hello.", modelId=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{PROFILE}")["stopReason"] == "end_turn", PROFILE)
