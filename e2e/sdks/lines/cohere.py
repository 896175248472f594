# pip install cohere
import cohere

client = cohere.ClientV2(base_url="http://127.0.0.1:4000", api_key="unused")

stones = ["Water is wet.", "Granite is a hard rock.", "Slate splits."]
ranked = client.rerank(model="cohere.rerank-v3-5:0", query="Which rock is hard?", documents=stones, top_n=1)
print("the best is", stones[ranked.results[0].index])
