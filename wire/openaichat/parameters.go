package openaichat

import "outcrop/internal/jsonx"

// CheckParameters reports what is wrong with the operator's parameters: an *llm.Error that names
// one of them, or nil.
func CheckParameters(parameters []jsonx.Member) error {
	w := jsonx.Writer{}
	w.Object()
	w.Key("model")
	w.Word("m")
	w.Key("messages")
	w.Raw(jsonx.Raw(`[{"role":"user","content":"Hi"}]`))
	w.Members(parameters)
	w.EndObject()
	// For clients, unsupported parameters are refused, or dropped under drop_params.
	_, err := Decode(w.Buf, Options{DropParams: func(string) bool { return true }})
	return err
}
