package telemetry

// What becomes of a mirrored call.
const (
	MirrorAnswered = "answered"
	MirrorFailed   = "failed"
	MirrorDropped  = "dropped" // it was not made
)

// Mirrored counts a call that was mirrored to a model, or would have been, by one of the constants.
func (r *Recorder) Mirrored(group, result string) { r.mirror.WithLabelValues(group, result).Inc() }

// mirrorDoor is the endpoint of mirrored calls in metrics.
const mirrorDoor = "mirror"
