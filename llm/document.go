package llm

// DocumentType returns the Media.Format of a document's media type, in lower case and without
// parameters; empty for a type that no model reads as a document (DocumentFormat in AWS's service
// model of bedrock-runtime). The types are IANA's, and the unregistered ones that servers send.
func DocumentType(mediaType string) string {
	switch mediaType {
	case "application/pdf", "application/x-pdf":
		return "pdf"
	case "text/csv", "application/csv":
		return "csv"
	case "text/html", "application/xhtml+xml":
		return "html"
	case "text/plain":
		return "txt"
	case "text/markdown", "text/x-markdown":
		return "md"
	case "application/msword":
		return "doc"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return "docx"
	case "application/vnd.ms-excel":
		return "xls"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return "xlsx"
	default:
		return ""
	}
}

// DocumentExtension returns the Media.Format of a document's file name extension, in lower case and
// without the dot; empty for any other extension.
func DocumentExtension(extension string) string {
	switch extension {
	case "pdf", "csv", "html", "txt", "md", "doc", "docx", "xls", "xlsx":
		return extension
	case "htm":
		return "html"
	case "markdown":
		return "md"
	case "text", "log":
		return "txt"
	default:
		return ""
	}
}

// ImageExtension returns the Media.Format of an image's file name extension or of the subtype of its
// media type, in lower case and without the dot; empty for any other.
func ImageExtension(extension string) string {
	switch extension {
	case "png", "jpeg", "gif", "webp":
		return extension
	case "jpg":
		return "jpeg"
	default:
		return ""
	}
}
