package e2e

import "fmt"

// saidIn is a user's message of the parts.
func saidIn(parts string) string { return `"messages":[{"role":"user","content":[` + parts + `]}]` }

// what is the question that stands beside a file.
const what = `{"type":"text","text":"What?"},`

// turns are messages in their odder forms.
func (l *rowList) turns() {
	for _, m := range []string{"claude", "nova"} {
		l.each(m, [][3]string{
			{"a name beside a user", `"messages":[{"role":"user","name":"jane","content":"Hi"}]`, ""},
			{"an empty user message", `"messages":[{"role":"user","content":""}]`, ""},
			{"a user message of null", `"messages":[{"role":"user","content":null}]`, ""},
			{"a user message without parts", `"messages":[{"role":"user","content":[]}]`, ""},
			{"an empty user message before another", `"messages":[{"role":"user","content":""},{"role":"user","content":"Hi"}]`, ""},
			{"an empty assistant message", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":""},{"role":"user","content":"Hi?"}]`, ""},
			{"an assistant message of null", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null},{"role":"user","content":"Hi?"}]`, ""},
			{"an empty system message", `"messages":[{"role":"system","content":""},{"role":"user","content":"Hi"}]`, ""},
			{"two system messages", `"messages":[{"role":"system","content":"Be brief."},{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}]`, ""},
			{"a system message alone", `"messages":[{"role":"system","content":"Be brief."}]`, ""},
			{"an assistant message first", `"messages":[{"role":"assistant","content":"Hello"},{"role":"user","content":"Hi"}]`, ""},
			{"two assistant messages", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"assistant","content":"there"},{"role":"user","content":"Go on"}]`, ""},
			{"prefill with a space behind", `"messages":[{"role":"user","content":"Name a rock."},{"role":"assistant","content":"Gran "}]`, ""},
			{"a refusal goes back", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":"I cannot."},{"role":"user","content":"Why?"}]`, ""},
			{"a refusal as a part goes back", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"refusal","refusal":"I cannot."}]},{"role":"user","content":"Why?"}]`, ""},
			{"a part in Converse's form", saidIn(`{"text":"Hi"}`), ""},
			{"a part of an unknown type", saidIn(what + `{"type":"hologram","hologram":"x"}`), ""},
			{"reasoning_content goes back", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","reasoning_content":"Hm."},{"role":"user","content":"Go on"}]`, ""},
			{"guarded_text", saidIn(`{"type":"guarded_text","text":"Hi"},`+`{"type":"text","text":"there"}`) + `,"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1"}`, ""},
			{"guarded_text without a guardrail", saidIn(`{"type":"guarded_text","text":"Hi"}`), ""},
			{"guarded_text with a qualifier", saidIn(`{"type":"guarded_text","text":"Granite is a rock.","qualifiers":["grounding_source"]},{"type":"guarded_text","text":"What is granite?","qualifiers":["query"]}`), ""},
			{"guarded_text in a system message", `"messages":[{"role":"system","content":[{"type":"guarded_text","text":"Be brief."}]},{"role":"user","content":"Hi"}]`, ""},
			{"guardContent in Converse's form", saidIn(`{"guardContent":{"text":{"text":"Hi"}}}`), ""},
			{"a search result in Converse's form", saidIn(what + `{"searchResult":{"source":"https://rocks.example","title":"Rocks","content":[{"text":"Granite is a rock."}],"citations":{"enabled":true}}}`), ""},
			{"citations go back", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Granite.","provider_specific_fields":{"citationsContent":[{"citations":[` + pageCitation + `],"content":[{"text":"Granite."}]}]}},{"role":"user","content":"Go on"}]`, ""},
		})
	}
	for _, m := range []string{"claude-46", "claude-new", "llama", "mistral", "qwen"} {
		l.add("prefill, "+m, m, `"messages":[{"role":"user","content":"Name a rock."},{"role":"assistant","content":"Gran"}]`, "")
		l.add("an assistant message first, "+m, m, `"messages":[{"role":"assistant","content":"Hello"},{"role":"user","content":"Hi"}]`, "")
	}
	l.each("claude", [][3]string{
		{"thinking goes back as a part", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hello"}]},{"role":"user","content":"Go on"}]`, ""},
		{"thinking goes back unsigned", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"thinking","thinking":"Hm."}]},{"role":"user","content":"Go on"}]`, ""},
		{"thinking goes back with a call", `"messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}],"tool_calls":[{"id":"tooluse_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"tooluse_1","content":"Rain"}],"reasoning_effort":"low","tools":[` + weatherTool + `]`, ""},
		{"thinking and a call without its blocks", `"messages":[` + weatherLoop + `],"reasoning_effort":"low","tools":[` + weatherTool + `]`, ""},
	})
	for _, m := range []string{"nova-2", "deepseek", "gpt-oss", "qwen"} {
		l.add("thinking goes back, "+m, m, `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]},{"role":"user","content":"Go on"}]`, "")
	}
}

// files are images, documents, videos and sounds.
func (l *rowList) files() {
	image := func(url, more string) string {
		return saidIn(what + `{"type":"image_url","image_url":{"url":"` + url + `"` + more + `}}`)
	}
	file := func(members string) string { return saidIn(what + `{"type":"file","file":{` + members + `}}`) }
	paper := `"file_data":"data:application/pdf;base64,` + pagePDF + `"`
	for _, m := range []string{"claude", "nova"} {
		l.each(m, [][3]string{
			{"a JPEG", image("data:image/jpeg;base64,"+pixelJPEG, ""), ""},
			{"a GIF", image("data:image/gif;base64,"+pixelGIF, ""), ""},
			{"a WebP", image("data:image/webp;base64,"+pixelWebP, ""), ""},
			{"a PNG that is called a JPEG", image("data:image/jpeg;base64,"+pixelPNG, ""), ""},
			{"an image with a detail", image("data:image/png;base64,"+pixelPNG, `,"detail":"high"`), ""},
			{"an image with a format", image("data:application/octet-stream;base64,"+pixelPNG, `,"format":"image/png"`), ""},
			{"an image's address as a string", saidIn(what + `{"type":"image_url","image_url":"data:image/png;base64,` + pixelPNG + `"}`), ""},
			{"an image at an address", image("UPSTREAM/files/granite.png", ""), ""},
			{"an image at an address, of another type than is told", image("UPSTREAM/files/granite.jpeg", ""), ""},
			{"an image that is not there", image("UPSTREAM/files/basalt.png", ""), ""},
			{"an image in a private network", image("http://10.0.0.1/granite.png", ""), ""},
			{"an image in S3", image("s3://strata/granite.png", ""), ""},
			{"an image in Converse's form", saidIn(what + `{"image":{"format":"png","source":{"bytes":"` + pixelPNG + `"}}}`), ""},
			{"a PDF at an address", file(`"file_id":"UPSTREAM/files/paper.pdf"`), ""},
			{"a PDF at an address as file_data", file(`"file_data":"UPSTREAM/files/paper.pdf"`), ""},
			{"a PDF at an address without an ending", file(`"file_id":"UPSTREAM/files/paper"`), ""},
			{"a PDF at an image_url", image("UPSTREAM/files/paper.pdf", ""), ""},
			{"a PDF in S3", file(`"file_id":"s3://strata/paper.pdf"`), ""},
			{"two documents of one name", saidIn(what + `{"type":"file","file":{"filename":"paper.pdf",` + paper + `}},{"type":"file","file":{"filename":"paper.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}`), ""},
			{"a document twice", saidIn(what + `{"type":"file","file":{` + paper + `}},{"type":"file","file":{` + paper + `}}`), ""},
			{"a document's name with signs", file(`"filename":"Q3: results_2026 (final).pdf",` + paper), ""},
			{"a document without a name", file(paper), ""},
			{"a document alone", saidIn(`{"type":"file","file":{"filename":"paper.pdf",` + paper + `}}`), ""},
			{"a document with citations", saidIn(what + `{"type":"file","file":{"filename":"paper.pdf",` + paper + `},"citations":{"enabled":true}}`), ""},
			{"a document with citations in its file", file(`"filename":"paper.pdf","citations":{"enabled":true},"context":"Of 2026.",` + paper), ""},
			{"a document in Converse's form", saidIn(what + `{"document":{"format":"txt","name":"notes","source":{"text":"Granite."},"citations":{"enabled":true}}}`), ""},
			{"a file of OpenAI's", file(`"file_id":"file-abc123"`), ""},
			{"bare base64 with a name", file(`"filename":"paper.pdf","file_data":"` + pagePDF + `"`), ""},
			{"a video", saidIn(what + `{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAA"}}`), ""},
			{"a video as a file", file(`"file_data":"data:video/mp4;base64,AAAA"`), ""},
			{"a video in S3", saidIn(what + `{"type":"video_url","video_url":{"url":"s3://strata/quarry.mp4"}}`), ""},
			{"a video at an image_url", image("data:video/mp4;base64,AAAA", ""), ""},
			{"input_audio", saidIn(what + `{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`), ""},
		})
	}
	for _, d := range [][2]string{
		{"csv", "text/csv"},
		{"html", "text/html"},
		{"txt", "text/plain"},
		{"md", "text/markdown"},
		{"doc", "application/msword"},
		{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"xls", "application/vnd.ms-excel"},
		{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	} {
		l.add(fmt.Sprintf("a document of type %s, claude", d[0]), "claude", file(`"filename":"rocks.`+d[0]+`","file_data":"data:`+d[1]+`;base64,R3Jhbml0ZS4="`), "")
		l.add(fmt.Sprintf("a document of type %s, nova", d[0]), "nova", file(`"file_data":"data:`+d[1]+`;base64,R3Jhbml0ZS4="`), "")
	}
	for _, v := range [][2]string{{"mkv", "x-matroska"}, {"mov", "quicktime"}, {"webm", "webm"}, {"flv", "x-flv"}, {"mpeg", "mpeg"}, {"wmv", "x-ms-wmv"}, {"three_gp", "3gpp"}} {
		l.add("a video of type "+v[0]+", nova", "nova", file(`"file_data":"data:video/`+v[1]+`;base64,AAAA"`), "")
	}
	l.each("voxtral", [][3]string{
		{"input_audio", saidIn(what + `{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`), ""},
		{"input_audio, mp3", saidIn(what + `{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}}`), ""},
		{"audio as a file", file(`"file_data":"data:audio/wav;base64,AAAA"`), ""},
		{"audio in S3", saidIn(what + `{"type":"audio_url","audio_url":{"url":"s3://strata/blast.wav"}}`), ""},
		{"audio in Converse's form", saidIn(what + `{"audio":{"format":"flac","source":{"bytes":"AAAA"}}}`), ""},
	})
	l.each("nova-2", [][3]string{
		{"a video", file(`"file_data":"data:video/mp4;base64,AAAA"`), ""},
		{"a video in S3", file(`"file_id":"s3://strata/quarry.mp4"`), ""},
	})
}
