package gemini_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/gemini"
)

func TestSourcesOfAResponseAreCitationsOfItsText(t *testing.T) {
	resp, err := gemini.DecodeResponse([]byte(`{"candidates":[{"content":{"role":"model","parts":[{"text":"A rock."}]},"finishReason":"STOP","index":0,
		"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example/","title":"A","domain":"a.example"}},{"web":{"uri":"https://a.example/","title":"A","domain":"a.example"}},{"retrievedContext":{"title":"D","text":"hard"}},{"image":{}}]},
		"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":4,"uri":"https://b.example/","license":"mit"}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range resp.Blocks[0].Extra {
		got = append(got, m.Name+" "+string(m.Value))
	}
	want := []string{
		`citation {"title":"A","location":{"web":{"url":"https://a.example/","domain":"a.example"}}}`,
		`citation {"title":"D","sourceContent":[{"text":"hard"}],"location":{}}`,
		`citation {"location":{"web":{"url":"https://b.example/"}}}`,
	}
	if len(resp.Blocks) != 1 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d blocks:\n%s", len(resp.Blocks), strings.Join(got, "\n"))
	}
}

func TestCitationsAreWrittenAsGroundingWholeAndStreamed(t *testing.T) {
	page := jsonx.Member{Name: "citation", Value: jsonx.Raw(`{"title":"A","location":{"web":{"url":"https://a.example/"}}}`)}
	document := jsonx.Member{Name: "citation", Value: jsonx.Raw(`{"title":"D","sourceContent":[{"text":"hard"}],"location":{"documentChar":{"documentIndex":0,"start":0,"end":4}}}`)}
	const want = `"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example/","title":"A"}},{"retrievedContext":{"title":"D","text":"hard"}}],` +
		`"groundingSupports":[{"segment":{"startIndex":0,"endIndex":7},"groundingChunkIndices":[0]},{"segment":{"startIndex":0,"endIndex":7},"groundingChunkIndices":[1]}]}`
	whole := string(gemini.AppendResponse(nil, gemini.Envelope{}, &llm.Response{Stop: llm.StopEnd, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "A rock.", Extra: []jsonx.Member{page, document}}}}))
	if !strings.Contains(whole, want) || !jsonx.Valid([]byte(whole)) {
		t.Errorf("whole: %s", whole)
	}
	e := gemini.NewEvents(gemini.Envelope{})
	var out []byte
	for _, ev := range []llm.Event{
		{Kind: llm.EventStart},
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "A rock."},
		{Kind: llm.EventDelta, Block: llm.BlockText, Other: &page},
		{Kind: llm.EventDelta, Block: llm.BlockText, Other: &document},
		{Kind: llm.EventStop, Stop: llm.StopEnd},
	} {
		out = e.Append(out, &ev)
	}
	events := strings.Split(strings.TrimSpace(string(e.AppendEnd(out, nil))), "\r\n\r\n")
	last := strings.TrimPrefix(events[len(events)-1], "data: ")
	if len(events) != 2 || !strings.Contains(last, want) || !jsonx.Valid([]byte(last)) {
		t.Errorf("streamed: %s", events)
	}
}

// A client of the Responses API sends each item as a turn of its own.
func TestASignatureInATurnOfItsOwnStaysAtItsCall(t *testing.T) {
	got, _ := encode(t, &llm.Request{Turns: []llm.Turn{
		model(llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}),
		model(llm.Block{Kind: llm.BlockReasoning, Signature: "gemini.c2ln"}),
		model(call("c1", "find", `{}`)),
		model(call("c2", "find", `{}`)),
	}}, gemini.Options{Model: "gemini-3-pro-preview"})
	if want := `{"contents":[{"role":"model","parts":[{"functionCall":{"id":"c1","name":"find","args":{}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"c2","name":"find","args":{}}}]}]}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestMediaOfAFunctionsResponseAreRead(t *testing.T) {
	body := func(part string) []byte {
		return []byte(`{"contents":[{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"find","response":{"result":"here"},"parts":[` + part + `]}}]}]}`)
	}
	req, err := gemini.Decode(body(`{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}},{"inlineData":{"mimeType":"application/pdf","data":"JVBERg==","displayName":"Survey"}}`), "m", false)
	if err != nil {
		t.Fatal(err)
	}
	content := req.LLM.Turns[0].Blocks[0].ToolResult.Content
	if len(content) != 3 || content[0].Block.Text != "here" || content[1].Block.Kind != llm.BlockImage || content[1].Block.Media.Base64.String() != "iVBORw0K" || content[2].Block.Media.Name != "Survey" {
		t.Errorf("%+v", content)
	}
	for part, field := range map[string]string{
		`{"text":"x"}`: "contents[0].parts[0].functionResponse.parts[0]",
		`{"inlineData":{"mimeType":"image/png","data":"!"}}`:  "contents[0].parts[0].functionResponse.parts[0].inlineData.data",
		`{"fileData":{"mimeType":"image/png","fileUri":"x"}}`: "contents[0].parts[0].functionResponse.parts[0].fileData",
	} {
		if _, err := gemini.Decode(body(part), "m", false); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", part, err)
		}
	}
}
