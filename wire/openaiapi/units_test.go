package openaiapi_test

import (
	"testing"

	"outcrop/llm"
	wire "outcrop/wire/openaiapi"
)

func TestUnitsOfResponsesWithoutTokens(t *testing.T) {
	for _, tt := range []struct {
		dialect, body string
		want          llm.Usage
	}{
		{llm.DialectImageGenerations, `{"created":1,"data":[{"b64_json":"QQ=="},{"url":"x"}]}`, llm.Usage{Images: 2}},
		{llm.DialectImageEdits, `{"data":[]}`, llm.Usage{}},
		{llm.DialectImageEdits, `{"data":{"url":"x"}}`, llm.Usage{}},
		{llm.DialectTranscriptions, `{"text":"a","usage":{"type":"duration","seconds":27}}`, llm.Usage{Seconds: 27}},
		{llm.DialectTranslations, `{"text":"a","duration":2.5}`, llm.Usage{Seconds: 2.5}},
		{llm.DialectTranscriptions, `{"text":"a","duration":-2.5}`, llm.Usage{}},
		{llm.DialectTranscriptions, `{"text":"a","duration":1e300}`, llm.Usage{}},
		{llm.DialectTranscriptions, `plain text`, llm.Usage{}},
		{llm.DialectModerations, `{"results":[]}`, llm.Usage{}},
	} {
		got, missing, ok := wire.Units(tt.dialect, []byte(tt.body))
		if got.Images != tt.want.Images || got.Seconds != tt.want.Seconds || ok != (missing == "") || ok != (got.Images > 0 || got.Seconds > 0) {
			t.Errorf("%s: %+v %q", tt.body, got, missing)
		}
	}
}

func TestCharactersOfSpeech(t *testing.T) {
	for body, want := range map[string]int64{`{"input":"Grün\u00e9"}`: 5, `{"input":""}`: 0, `{"input":7}`: 0, `{}`: 0, `x`: 0} {
		if got, ok := wire.Spoken([]byte(body)); got.Characters != want || ok != (want > 0) {
			t.Errorf("%s: %d", body, got.Characters)
		}
	}
}

// The parts of a usage are read that have prices of their own.
func TestPartsOfTheTokens(t *testing.T) {
	u, ok := wire.Usage([]byte(`{"usage":{"input_tokens":60,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":50},"output_tokens_details":{"text_tokens":20,"image_tokens":80}}}`))
	if !ok || u.ImageInput != llm.Some(int64(50)) || u.ImageOutput != llm.Some(int64(80)) || wire.Depicted(u).ImageOutput.Value != 80 {
		t.Errorf("%+v", u)
	}
	u, ok = wire.Usage([]byte(`{"usage":{"input_tokens":14,"output_tokens":5,"input_token_details":{"text_tokens":0,"audio_tokens":14}}}`))
	if !ok || u.AudioInput != llm.Some(int64(14)) || wire.Depicted(u).ImageOutput != llm.Some(int64(5)) {
		t.Errorf("%+v", u)
	}
}
