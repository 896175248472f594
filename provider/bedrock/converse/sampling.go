package converse

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/llm"
)

// maxTemperature is the highest temperature that Converse takes, of any model
// (InferenceConfiguration in its service model). OpenAI's goes up to 2.
const maxTemperature = 1

// sampling fits temperature, top_p, top_k and stop.
func (p *adapter) sampling() error {
	if t := &p.out.Temperature; t.Set && t.Value > maxTemperature {
		p.warn(llm.WarnChanged, p.name(llm.FieldTemperature), "set to 1, the highest value that "+p.model.host+" accepts")
		t.Value = maxTemperature
	}
	if p.thinks {
		if p.out.Temperature.Value != 1 {
			p.drop(&p.out.Temperature, p.name(llm.FieldTemperature))
		}
		p.drop(&p.out.TopP, p.name(llm.FieldTopP))
		if p.out.TopK.Set {
			p.out.TopK = llm.Opt[int64]{}
			p.warn(llm.WarnDropped, p.name(llm.FieldTopK), "not supported together with reasoning")
		}
	}
	if p.model.any(noSampling) {
		if err := p.unsampled(); err != nil {
			return err
		}
	}
	if p.model.any(oneSampling) && p.out.Temperature.Set && p.out.TopP.Set {
		if err := p.oneSampling(); err != nil {
			return err
		}
	}
	if p.model.any(noStop) && len(p.out.Stop) > 0 {
		p.out.Stop = nil
		if err := p.refuseKind(llm.FieldStop, "%s is not supported by this model on "+p.model.host); err != nil {
			return err
		}
	}
	if p.model.any(noBlankStop) {
		if err := p.blankStops(); err != nil {
			return err
		}
	}
	return p.topK()
}

// blankStops leaves out stop sequences of nothing but white space, for models that refuse
// them.
func (p *adapter) blankStops() error {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	if !slices.ContainsFunc(p.out.Stop, blank) {
		return nil
	}
	p.out.Stop = slices.DeleteFunc(slices.Clone(p.out.Stop), blank)
	return p.refuseKind(llm.FieldStop, "%s: the model takes no stop sequence of white space alone on "+p.model.host)
}

// unsampled leaves temperature and top_p out for a model that takes neither. Where
// they ask for what is so anyway, 1, nothing is lost.
func (p *adapter) unsampled() error {
	for _, s := range []struct {
		kind    llm.FieldKind
		setting *llm.Opt[float64]
	}{{llm.FieldTemperature, &p.out.Temperature}, {llm.FieldTopP, &p.out.TopP}} {
		if !s.setting.Set {
			continue
		}
		given := s.setting.Value
		*s.setting = llm.Opt[float64]{}
		if given == 1 {
			p.warn(llm.WarnDropped, p.name(s.kind), "")
			continue
		}
		if err := p.refuseSampling(s.kind, "%s is not supported by this model on "+p.model.host); err != nil {
			return err
		}
	}
	return nil
}

// oneSampling leaves out one of temperature and top_p: the one that asks for
// nothing, if there is one.
func (p *adapter) oneSampling() error {
	if p.out.Temperature.Value == 1 && p.out.TopP.Value != 1 {
		p.out.Temperature = llm.Opt[float64]{}
		p.warn(llm.WarnDropped, p.name(llm.FieldTemperature), "this model accepts "+p.name(llm.FieldTemperature)+" or "+p.name(llm.FieldTopP)+", not both")
		return nil
	}
	neutral := p.out.TopP.Value == 1
	p.out.TopP = llm.Opt[float64]{}
	if neutral {
		p.warn(llm.WarnDropped, p.name(llm.FieldTopP), "this model accepts "+p.name(llm.FieldTemperature)+" or "+p.name(llm.FieldTopP)+", not both")
		return nil
	}
	return p.refuseSampling(llm.FieldTopP, "%s and %s are both set; this model accepts only one of them", p.name(llm.FieldTemperature))
}

func (p *adapter) topK() error {
	if !p.out.TopK.Set {
		return nil
	}
	k := strconv.FormatInt(p.out.TopK.Value, 10)
	p.out.TopK = llm.Opt[int64]{}
	switch {
	case p.model.any(noSampling):
		return p.refuseSampling(llm.FieldTopK, "%s is not supported by this model on "+p.model.host)
	case p.model.has(topK | nested):
		p.field("inferenceConfig", `{"topK":`+k+`}`)
	case p.model.has(topK):
		p.field("top_k", k)
	default:
		return p.refuseSampling(llm.FieldTopK, "%s is supported only for Claude and Nova on "+p.model.host)
	}
	return nil
}

// refuseSampling is refuseKind for a setting of sampling, which may be dropped where it is optional.
func (p *adapter) refuseSampling(kind llm.FieldKind, format string, args ...any) error {
	if p.out.SamplingOptional {
		p.warn(llm.WarnDropped, p.name(kind), "")
		return nil
	}
	return p.refuseKind(kind, format, args...)
}
