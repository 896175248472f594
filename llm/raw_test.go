package llm

import (
	"context"
	"errors"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// A held event must survive the next read, which reuses the memory that its bytes are in.
func TestARetainedRawEventKeepsItsBytes(t *testing.T) {
	memory := []byte("granite")
	ev := RawEvent{Data: memory, Content: true}
	ev.Retain()
	copy(memory, "xxxxxxx")
	if string(ev.Data) != "granite" || !ev.HasContent() || ev.Failure() != nil {
		t.Errorf("kept %q", ev.Data)
	}
	failed := RawEvent{Err: &Error{Code: CodeInterrupted}}
	if failed.HasContent() || failed.Failure().Code != CodeInterrupted {
		t.Errorf("the failure is %v", failed.Failure())
	}
	plain := Event{Kind: EventDelta, Text: "granite"}
	plain.Retain()
	if plain.Text != "granite" || plain.Failure() != nil {
		t.Errorf("kept %+v", plain)
	}
}

func TestEveryResponseGivesItsOwnMetadata(t *testing.T) {
	whole, count, vectors, ranked := &Response{}, &Count{}, &EmbedResponse{}, &RerankResponse{}
	for _, m := range []*Meta{whole.Metadata(), count.Metadata(), vectors.Metadata(), ranked.Metadata()} {
		m.Deployment = "d"
	}
	if whole.Meta.Deployment != "d" || count.Meta.Deployment != "d" || vectors.Meta.Deployment != "d" || ranked.Meta.Deployment != "d" {
		t.Error("the metadata is a copy")
	}
}

func TestNumbersAreTheClientsWhereTheyAreKnown(t *testing.T) {
	if n := (&Turn{Message: 5}).Number(2); n != 4 {
		t.Errorf("message %d, want 4", n)
	}
	if n := (&Turn{}).Number(2); n != 2 {
		t.Errorf("message %d, want 2", n)
	}
	if n := (&Tool{Number: 3}).At(0); n != 2 {
		t.Errorf("tool %d, want 2", n)
	}
	if n := (&Tool{}).At(7); n != 7 {
		t.Errorf("tool %d, want 7", n)
	}
}

func TestTheVerdictOfAnErrorHasWhatIsKnown(t *testing.T) {
	one, two := jsonx.Raw(`{"Effect":"Allow"}`), jsonx.Raw(`{"Effect":"Deny"}`)
	for name, tt := range map[string]struct {
		e    Error
		want string
	}{
		"a code alone": {Error{Code: CodeTooLong}, `{"code":"request.too_long","actor":"caller","retry":"no"}`},
		"everything": {
			Error{Code: CodeDenied, Cause: "No policy.", Fix: "Add it.", Statement: one, Statements: []jsonx.Raw{one, two}, Docs: "https://docs.aws.amazon.com", RequestID: "r-1", Actor: ActorAWSAdmin, Retry: RetryNo},
			`{"code":"iam.denied","cause":"No policy.","actor":"aws_admin","fix":"Add it.","statement":{"Effect":"Allow"},"statements":[{"Effect":"Allow"},{"Effect":"Deny"}],"docs":"https://docs.aws.amazon.com","request_id":"r-1","retry":"no"}`,
		},
	} {
		var w jsonx.Writer
		tt.e.WriteVerdict(&w)
		if string(w.Buf) != tt.want {
			t.Errorf("%s: %s, want %s", name, w.Buf, tt.want)
		}
	}
}

func TestOverload(t *testing.T) {
	full := Overloaded(errors.New("full"))
	if full.Code != CodeOverloaded || full.Status != 503 || full.RetryAfter == "" || !strings.Contains(full.Fix, "max_in_flight_mb") {
		t.Errorf("a full budget is %+v", full)
	}
	if gone := Overloaded(context.Canceled); gone.Code != CodeClientGone || gone.Status != 499 {
		t.Errorf("a client that left is %+v", gone)
	}
	stopping := &Error{Code: CodeStopping, Status: 503}
	if own := Overloaded(stopping); own.Code != CodeStopping || own == stopping {
		t.Errorf("the cause of a context's end is %+v, or shared", own)
	}
}

func TestTheTextOfBase64IsItsBytes(t *testing.T) {
	if b := EncodeBase64([]byte("granite")); string(b.Bytes()) != b.String() || b.String() != "Z3Jhbml0ZQ==" {
		t.Errorf("got %q and %q", b.Bytes(), b.String())
	}
}
