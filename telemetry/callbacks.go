package telemetry

// CalledBack counts records of calls at a callback by what became of them.
func (r *Recorder) CalledBack(callback, result string, n int) {
	r.callbacks.WithLabelValues(callback, result).Add(float64(n))
}

// ExpectCallback creates the series of a callback, so that they start at 0.
func (r *Recorder) ExpectCallback(callback string, results ...string) {
	for _, result := range results {
		r.callbacks.WithLabelValues(callback, result)
	}
	r.down.WithLabelValues(callback)
}

// CallbackDown sets whether a callback cannot be reached.
func (r *Recorder) CallbackDown(callback string, down bool) {
	value := 0.0
	if down {
		value = 1
	}
	r.down.WithLabelValues(callback).Set(value)
}
