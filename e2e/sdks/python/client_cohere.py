"""Cohere's SDK, of both versions of its API."""

import cohere
from client import DOCUMENTS, KEY, QUERY, RERANKS, URL
from scenario import need, raises, run, scenario


@scenario("rerank: ClientV2, Client, rerank")
def _():
    for client in (cohere.ClientV2, cohere.Client):
        r = client(api_key=KEY, base_url=URL).rerank(model=RERANKS, query=QUERY, documents=DOCUMENTS, top_n=2)
        need([x.index for x in r.results][0] == 1 and len(r.results) == 2 and r.results[0].relevance_score > r.results[1].relevance_score, r)
        need(r.meta.billed_units.search_units == 1 and r.id, r)


@scenario("a refusal: BadRequestError, UnauthorizedError")
def _():
    e = raises(cohere.BadRequestError, cohere.ClientV2(api_key=KEY, base_url=URL).rerank, model=RERANKS, query=QUERY, documents=[])
    need(e.status_code == 400 and "documents" in e.body["message"] and e.body["error"]["outcrop"]["code"] == "gateway.bad_request", e.body)
    e = raises(cohere.UnauthorizedError, cohere.ClientV2(api_key="sk-other", base_url=URL).rerank, model=RERANKS, query=QUERY, documents=DOCUMENTS)
    need(e.status_code == 401, e.body)


run()
