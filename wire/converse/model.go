package converse

import (
	"regexp"
	"slices"
	"sync"
)

// requestShape is the shape of a request's body in the service model of bedrock-runtime
// (2023-09-30) as of November 2026: ConverseStreamRequest without modelId, which equals
// ConverseRequest except for one member of guardrailConfig. Two things are wider: toolUse.type may
// be tool_use, which AWS itself writes into responses and gets back from its SDKs, and a video's
// format may be a media type such as video/mp4 (recorded exchange: Nova accepted it).
var requestShape = sync.OnceValue(buildRequestShape)

func buildRequestShape() *shape {
	cachePoint := object(
		must("type", words("default")),
		may("ttl", words("5m", "1h")),
	)
	inference := object(
		may("maxTokens", &shape{kind: kindInteger, min: 1, bounded: true}),
		may("temperature", fraction()),
		may("topP", fraction()),
		may("stopSequences", array(text(1, 0), 0, 2500)),
	)
	guard := guardContent()
	system := union(
		may("text", text(1, 0)),
		may("guardContent", guard),
		may("cachePoint", cachePoint),
	)
	return object(
		may("messages", array(object(
			must("role", words("user", "assistant", "system")),
			must("content", array(contentBlock(guard, cachePoint), 0, 0)),
		), 0, 0)),
		may("system", array(system, 0, 0)),
		may("inferenceConfig", inference),
		may("toolConfig", toolConfig(cachePoint)),
		may("guardrailConfig", object(
			may("guardrailIdentifier", matching(`(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))`, 0, 2048)),
			may("guardrailVersion", matching(`(|([1-9][0-9]{0,7})|(DRAFT))`, 0, 0)),
			may("trace", words("enabled", "disabled", "enabled_full")),
			may("streamProcessingMode", words("sync", "async")),
		)),
		may("additionalModelRequestFields", document()),
		may("promptVariables", &shape{kind: kindMap, key: text(0, 0), element: union(may("text", text(0, 0)))}),
		may("additionalModelResponseFieldPaths", array(text(1, 256), 0, 10)),
		may("requestMetadata", &shape{
			kind:    kindMap,
			key:     matching(`[a-zA-Z0-9\s:_@$#=/+,-.]{1,256}`, 1, 256),
			element: matching(`[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}`, 0, 256),
			min:     1, max: 16,
		}),
		may("performanceConfig", object(may("latency", words("standard", "optimized")))),
		may("serviceTier", object(must("type", words("priority", "default", "flex", "reserved")))),
		may("outputConfig", object(
			may("textFormat", object(
				must("type", words("json_schema")),
				must("structure", union(may("jsonSchema", object(
					must("schema", text(0, 0)),
					may("name", text(0, 0)),
					may("description", text(0, 0)),
				)))),
			)),
			may("effort", text(0, 16)),
		)),
	)
}

func toolConfig(cachePoint *shape) *shape {
	name := matching(`[a-zA-Z0-9_-]+`, 1, 64)
	tool := union(
		may("toolSpec", object(
			must("name", name),
			may("description", text(1, 0)),
			must("inputSchema", union(may("json", document()))),
			may("strict", boolean()),
		)),
		may("systemTool", object(must("name", name))),
		may("cachePoint", cachePoint),
	)
	return object(
		must("tools", array(tool, 1, 0)),
		may("toolChoice", union(
			may("auto", object()),
			may("any", object()),
			may("tool", object(must("name", name))),
		)),
	)
}

func contentBlock(guard, cachePoint *shape) *shape {
	cited := object(must("enabled", boolean()))
	failure := object(may("message", text(0, 0)))
	inlineOrS3 := union(may("bytes", blob()), may("s3Location", s3Location()))
	image := object(
		must("format", words("png", "jpeg", "gif", "webp")),
		must("source", inlineOrS3),
		may("error", failure),
	)
	doc := documentBlock(cited)
	video := object(
		must("format", words(videoFormats()...)),
		must("source", inlineOrS3),
	)
	audio := object(
		must("format", words("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm")),
		must("source", inlineOrS3),
		may("error", failure),
	)
	searchResult := object(
		must("source", text(0, 0)),
		must("title", text(0, 0)),
		must("content", array(object(must("text", text(0, 0))), 0, 0)),
		may("citations", cited),
	)
	change := object(must("tool", object(
		may("type", text(1, 64)),
		may("name", text(1, 128)),
		may("serverName", text(1, 128)),
	)))
	return union(
		may("text", text(0, 0)),
		may("image", image),
		may("document", doc),
		may("video", video),
		may("audio", audio),
		may("toolUse", toolUseBlock()),
		may("toolResult", toolResultBlock(image, doc, video, searchResult)),
		may("guardContent", guard),
		may("cachePoint", cachePoint),
		may("reasoningContent", union(
			may("reasoningText", object(must("text", text(0, 0)), may("signature", text(0, 0)))),
			may("redactedContent", &shape{kind: kindBlob}),
		)),
		may("citationsContent", citationsContent()),
		may("searchResult", searchResult),
		may("toolAddition", change),
		may("toolRemoval", change),
	)
}

func videoFormats() []string {
	formats := []string{"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"}
	for _, format := range slices.Clone(formats) {
		formats = append(formats, "video/"+format)
	}
	return formats
}

func toolUseBlock() *shape {
	return object(
		must("toolUseId", toolUseID()),
		must("name", matching(`[a-zA-Z0-9_-]+`, 1, 64)),
		must("input", document()),
		may("type", words("server_tool_use", "tool_use")),
	)
}

func toolResultBlock(image, doc, video, searchResult *shape) *shape {
	return object(
		must("toolUseId", toolUseID()),
		must("content", array(union(
			may("json", document()),
			may("text", text(0, 0)),
			may("image", image),
			may("document", doc),
			may("video", video),
			may("searchResult", searchResult),
		), 0, 0)),
		may("status", words("success", "error")),
		may("type", text(0, 0)),
	)
}

func toolUseID() *shape { return matching(`[a-zA-Z0-9_.:-]+`, 1, 64) }

func s3Location() *shape {
	return object(
		must("uri", matching(`s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?`, 1, 1024)),
		may("bucketOwner", matching(`[0-9]{12}`, 0, 0)),
	)
}

func documentBlock(cited *shape) *shape {
	return object(
		may("format", words("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")),
		must("name", text(1, 200)),
		must("source", union(
			may("bytes", blob()),
			may("s3Location", s3Location()),
			may("text", text(0, 0)),
			may("content", array(union(may("text", text(0, 0))), 0, 0)),
		)),
		may("context", text(0, 0)),
		may("citations", cited),
	)
}

func guardContent() *shape {
	return union(
		may("text", object(
			must("text", text(0, 0)),
			may("qualifiers", array(words("grounding_source", "query", "guard_content"), 0, 0)),
		)),
		may("image", object(
			must("format", words("png", "jpeg")),
			must("source", union(may("bytes", blob()))),
		)),
	)
}

func citationsContent() *shape {
	span := func(index string) *shape {
		n := &shape{kind: kindInteger, bounded: true}
		return object(may(index, n), may("start", n), may("end", n))
	}
	content := array(union(may("text", text(0, 0))), 0, 0)
	return object(
		may("content", content),
		may("citations", array(object(
			may("title", text(0, 0)),
			may("source", text(0, 0)),
			may("sourceContent", content),
			may("location", union(
				may("web", object(may("url", text(0, 0)), may("domain", text(0, 0)))),
				may("documentChar", span("documentIndex")),
				may("documentPage", span("documentIndex")),
				may("documentChunk", span("documentIndex")),
				may("searchResultLocation", span("searchResultIndex")),
			)),
		), 0, 0)),
	)
}

func object(members ...member) *shape { return &shape{kind: kindObject, members: members} }

func union(members ...member) *shape { return &shape{kind: kindUnion, members: members} }

func may(name string, sh *shape) member { return member{name: name, shape: sh} }

func must(name string, sh *shape) member { return member{name: name, shape: sh, required: true} }

func array(element *shape, least, most float64) *shape {
	return &shape{kind: kindArray, element: element, min: least, max: most}
}

func text(least, most float64) *shape { return &shape{kind: kindString, min: least, max: most} }

func words(enum ...string) *shape { return &shape{kind: kindString, enum: enum} }

func matching(pattern string, least, most float64) *shape {
	return &shape{kind: kindString, pattern: regexp.MustCompile("^(?:" + pattern + ")$"), min: least, max: most}
}

func blob() *shape { return &shape{kind: kindBlob, min: 1} }

func fraction() *shape { return &shape{kind: kindNumber, max: 1, bounded: true} }

func boolean() *shape { return &shape{kind: kindBoolean} }

func document() *shape { return &shape{kind: kindDocument} }
