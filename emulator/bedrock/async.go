package bedrock

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
)

// jobs are the jobs that StartAsyncInvoke started.
type jobs struct {
	mu   sync.Mutex
	list []*job
}

// jobsMost is the maximum number of jobs that are kept; the oldest are dropped.
const jobsMost = 10_000

func newJobs() *jobs { return &jobs{} }

// job is one job.
type job struct {
	arn, model, region string
	token              string // of the client; empty if it gave none
	digest             [sha256.Size]byte
	output             jsonx.Raw
	submitted          time.Time
	fails              bool
}

// States of a job.
const (
	jobRuns   = "InProgress"
	jobDone   = "Completed"
	jobFailed = "Failed"
)

// status returns the job's state at a time.
func (j *job) status(now time.Time, takes time.Duration) string {
	switch {
	case now.Before(j.submitted.Add(takes)):
		return jobRuns
	case j.fails:
		return jobFailed
	default:
		return jobDone
	}
}

// Patterns of the parameters of StartAsyncInvoke and GetAsyncInvoke.
var (
	s3URI       = shape(`s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?`)
	clientToken = shape(`[!-~]{1,256}`)
	bucketOwner = shape(`[0-9]{12}`)
	jobARN      = shape(`arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:async-invoke/[a-z0-9]{12}`)
)

// failureMarker in an input makes its job fail.
const failureMarker = "[[fail]]"

// startAsyncInvoke starts a job. Nothing is written to S3.
func (e *Emulator) startAsyncInvoke(c *call) error {
	var said struct {
		Token  *string   `json:"clientRequestToken"`
		Model  *string   `json:"modelId"`
		Input  jsonx.Raw `json:"modelInput"`
		Output *struct {
			S3 *struct {
				URI   *string `json:"s3Uri"`
				Owner *string `json:"bucketOwner"`
			} `json:"s3OutputDataConfig"`
		} `json:"outputDataConfig"`
	}
	if err := jsonx.Unmarshal(c.body, &said); err != nil {
		return malformed(err, c.body)
	}
	switch {
	case said.Model == nil:
		return lacking("modelId")
	case len(*said.Model) > versionedModelIDMax || !versionedModelID.MatchString(*said.Model):
		return mismatch(*said.Model, "modelId", versionedModelID)
	case said.Input == nil:
		return lacking("modelInput")
	case said.Output == nil:
		return lacking("outputDataConfig")
	case said.Output.S3 == nil:
		return invalid("The value at outputDataConfig must set one of the following keys: s3OutputDataConfig.")
	case said.Output.S3.URI == nil:
		return lacking("outputDataConfig.s3OutputDataConfig.s3Uri")
	case !s3URI.MatchString(*said.Output.S3.URI):
		return mismatch(*said.Output.S3.URI, "outputDataConfig.s3OutputDataConfig.s3Uri", s3URI)
	case said.Output.S3.Owner != nil && !bucketOwner.MatchString(*said.Output.S3.Owner):
		return mismatch(*said.Output.S3.Owner, "outputDataConfig.s3OutputDataConfig.bucketOwner", bucketOwner)
	case said.Token != nil && !clientToken.MatchString(*said.Token):
		return mismatch(*said.Token, "clientRequestToken", clientToken)
	}
	c.parameter = *said.Model
	to, err := e.identify(c)
	if err != nil {
		return err
	}
	if err := e.admit(c, to); err != nil {
		return err
	}
	if !strings.HasPrefix(to.ID, "twelvelabs.marengo-") && !strings.HasPrefix(to.ID, "amazon.nova-2-multimodal-embeddings-") {
		return invalid("The provided model doesn't support asynchronous invocation.")
	}
	j := &job{
		model: modelARN(c.region, to.ID), region: c.region, output: memberOf(c.body, "outputDataConfig"),
		submitted: e.options.Now(), digest: sha256.Sum256(c.body), fails: strings.Contains(string(said.Input), failureMarker),
	}
	if said.Token != nil {
		j.token = *said.Token
	}
	id := sha256.Sum256([]byte(c.id))
	j.arn = e.accountARN(c.region, asyncKind, strings.ToLower(base32.StdEncoding.EncodeToString(id[:]))[:12])
	arn, ok := e.jobs.add(j)
	if !ok {
		return &refusal{status: http.StatusBadRequest, kind: "ConflictException", message: "The clientRequestToken was used before with other parameters."}
	}
	var w jsonx.Writer
	w.Object()
	w.Key("invocationArn")
	w.String(arn)
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// add keeps a job and returns its ARN, or the ARN of the earlier job with the same token;
// false if that job's request was different.
func (s *jobs) add(j *job) (arn string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, before := range s.list {
		if j.token != "" && before.token == j.token && before.region == j.region {
			return before.arn, before.digest == j.digest
		}
	}
	if len(s.list) >= jobsMost {
		s.list = s.list[1:]
	}
	s.list = append(s.list, j)
	return j.arn, true
}

// all returns the jobs of a region, the oldest first.
func (s *jobs) all(region string) []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var of []*job
	for _, j := range s.list {
		if j.region == region {
			of = append(of, j)
		}
	}
	return of
}

func (e *Emulator) writeJob(w *jsonx.Writer, j *job) {
	status := j.status(e.options.Now(), e.options.AsyncTakes)
	ended := j.submitted.Add(e.options.AsyncTakes)
	w.Object()
	if j.token != "" {
		w.Key("clientRequestToken")
		w.String(j.token)
	}
	if status != jobRuns {
		writeDay(w, "endTime", ended)
	}
	if status == jobFailed {
		w.Key("failureMessage")
		w.String("The input could not be processed.")
	}
	w.Key("invocationArn")
	w.String(j.arn)
	if status == jobRuns {
		ended = j.submitted
	}
	writeDay(w, "lastModifiedTime", ended)
	w.Key("modelArn")
	w.String(j.model)
	w.Key("outputDataConfig")
	w.Raw(j.output)
	w.Key("status")
	w.Word(status)
	writeDay(w, "submitTime", j.submitted)
	w.EndObject()
}

func (e *Emulator) getAsyncInvoke(c *call) error {
	if !jobARN.MatchString(c.parameter) {
		return mismatch(c.parameter, "invocationArn", jobARN)
	}
	for _, j := range e.jobs.all(c.region) {
		if j.arn == c.parameter {
			var w jsonx.Writer
			e.writeJob(&w, j)
			return c.writeJSON(w.Buf)
		}
	}
	return invalid("The provided invocation ARN is invalid.") // the operation has no ResourceNotFoundException
}

func (e *Emulator) listAsyncInvokes(c *call) error {
	query, err := c.query("submitTimeAfter", "submitTimeBefore", "statusEquals", "maxResults", "nextToken", "sortBy", "sortOrder")
	if err != nil {
		return err
	}
	for name, values := range map[string][]string{
		"statusEquals": {jobDone, jobFailed, jobRuns}, "sortBy": {"SubmissionTime"}, "sortOrder": {"Ascending", "Descending"},
	} {
		if err := oneOf(query, name, values...); err != nil {
			return err
		}
	}
	size, err := pageSize(query.Get("maxResults"))
	if err != nil {
		return err
	}
	after, err := timeIn(query.Get("submitTimeAfter"), "submitTimeAfter")
	if err != nil {
		return err
	}
	before, err := timeIn(query.Get("submitTimeBefore"), "submitTimeBefore")
	if err != nil {
		return err
	}
	all := e.jobs.all(c.region)
	if query.Get("sortOrder") != "Ascending" {
		slices.Reverse(all)
	}
	all = slices.DeleteFunc(all, func(j *job) bool {
		status := query.Get("statusEquals")
		return status != "" && j.status(e.options.Now(), e.options.AsyncTakes) != status ||
			!after.IsZero() && !j.submitted.After(after) || !before.IsZero() && !j.submitted.Before(before)
	})
	from, ok := pageStart(query.Get("nextToken"), len(all))
	if !ok {
		return invalid("The provided nextToken is invalid.")
	}
	to := min(from+size, len(all))
	var w jsonx.Writer
	w.Object()
	w.Key("asyncInvokeSummaries")
	w.Array()
	for _, j := range all[from:to] {
		e.writeJob(&w, j)
	}
	w.EndArray()
	if to < len(all) {
		w.Key("nextToken")
		w.String(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
	}
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// pageSize parses maxResults.
func pageSize(text string) (int, error) {
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, invalid("1 validation error detected: Value '%s' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", text, maxPage)
	}
	return n, nil
}

// pageStart returns the position where the page of a token begins.
func pageStart(token string, length int) (int, bool) {
	if token == "" {
		return 0, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(string(plain))
	return n, err == nil && n >= 0 && n <= length
}

// timeIn parses a time in a query; zero if it is absent.
func timeIn(text, name string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must be a timestamp", text, name)
	}
	return t, nil
}
