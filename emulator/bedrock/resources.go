package bedrock

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// ProvisionedModel is a Provisioned Throughput of the account: a foundation model, or a
// custom model based on one, with reserved capacity.
type ProvisionedModel struct {
	// ID is the last part of its ARN, 12 lower-case letters and digits.
	ID string
	// Name is its name; the ID if empty.
	Name   string
	Region string
	// Model is the id of the foundation model that it runs, in whatever region that is
	// listed.
	Model string
	// CustomModel is the id, in the form of ID, of the custom model, based on Model,
	// that it runs; empty if it runs Model itself.
	CustomModel string
}

// CustomModelDeployment is a custom model of the account for on-demand calls.
type CustomModelDeployment struct {
	// ID is the last part of its ARN, 12 lower-case letters and digits.
	ID string
	// Name is its name; the ID if empty.
	Name   string
	Region string
	// Model is the id of the foundation model that the custom model is based on. It
	// makes the answers.
	Model string
	// CustomModel is the id of the custom model, in the form of ID; the ID if empty.
	CustomModel string
}

// ImportedModel is a model imported into the account.
type ImportedModel struct {
	// ID is the last part of its ARN, 12 lower-case letters and digits.
	ID string
	// Name is its name; the ID if empty.
	Name   string
	Region string
	// Architecture is the architecture that AWS reports, such as llama; omitted from the
	// description if empty.
	Architecture string
	// Model is the id of the foundation model that makes the answers.
	Model string
}

// resource is any of these.
type resource struct {
	kind             string // of its ARN
	id, name, region string
	arn              string
	base             string // id of the foundation model that makes the answers
	custom           string // id of the custom model that was deployed; empty if none
	runs             string // ARN of the model that was deployed
	architecture     string
	created          time.Time
}

var (
	// resourceID matches the last part of the ARNs of provisioned, deployed and imported
	// models, and resourceName their name (shapes ProvisionedModelArn,
	// ProvisionedModelName and so on).
	resourceID   = shape(`[a-z0-9]{12}`)
	resourceName = shape(`([0-9a-zA-Z][_-]?)+`)
)

const resourceNameMax = 63

// resourcesOf reads the models of the account from the options.
func (e *Emulator) resourcesOf(models *catalogue.Catalogue) ([]resource, error) {
	var all []resource
	for _, p := range e.options.Provisioned {
		r := resource{kind: provisionedKind, id: p.ID, name: p.Name, region: p.Region, base: p.Model, runs: modelARN(p.Region, p.Model)}
		if p.CustomModel != "" {
			r.custom, r.runs = p.CustomModel, e.accountARN(p.Region, customKind, p.Model+"/"+p.CustomModel)
		}
		all = append(all, r)
	}
	for _, d := range e.options.Deployments {
		custom := cmp.Or(d.CustomModel, d.ID)
		all = append(all, resource{
			kind: deploymentKind, id: d.ID, name: d.Name, region: d.Region, base: d.Model,
			custom: custom, runs: e.accountARN(d.Region, customKind, d.Model+"/"+custom),
		})
	}
	for _, i := range e.options.Imported {
		all = append(all, resource{kind: importedKind, id: i.ID, name: i.Name, region: i.Region, base: i.Model, architecture: i.Architecture})
	}
	for i := range all {
		r := &all[i]
		r.name, r.created = cmp.Or(r.name, r.id), e.options.Now()
		r.arn = e.accountARN(r.region, r.kind, r.id)
		if err := r.check(models); err != nil {
			return nil, fmt.Errorf("%s %q: %w", r.kind, r.id, err)
		}
	}
	return all, nil
}

func (r *resource) check(models *catalogue.Catalogue) error {
	switch {
	case !resourceID.MatchString(r.id):
		return errors.New("its id is not 12 lower-case letters and digits")
	case r.custom != "" && !resourceID.MatchString(r.custom):
		return fmt.Errorf("custom model %q is not 12 lower-case letters and digits", r.custom)
	case len(r.name) > resourceNameMax || !resourceName.MatchString(r.name):
		return fmt.Errorf("name %q is not letters and digits, divided by - or _", r.name)
	case !models.HasRegion(r.region):
		return fmt.Errorf("region %q is not in the catalogue", r.region)
	case models.Model(r.base) == nil:
		return fmt.Errorf("model %q is not in the catalogue", r.base)
	}
	return nil
}

// resource returns a model of the account in the region by its ARN, id or name; nil if
// there is none.
func (e *Emulator) resource(kind, name, region string) *resource {
	for i := range e.resources {
		if r := &e.resources[i]; r.kind == kind && r.region == region && (name == r.arn || name == r.id || name == r.name) {
			return r
		}
	}
	return nil
}

// Shapes of the operations' parameters, in the service model of the control plane.
var (
	provisionedModelID    = shape(`((([0-9a-zA-Z][_-]?)+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:provisioned-model/[a-z0-9]{12}))`)
	deploymentIdentifier  = shape(`(arn:aws(|-us-gov|-cn|-iso|-iso-b):bedrock:[a-z0-9-]{1,20}:[0-9]{12}:custom-model-deployment/[a-z0-9]{12})|^([0-9a-zA-Z][_-]?){1,63}`)
	importedModelIdentity = shape(`(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:imported-model/[a-z0-9]{12})|(([0-9a-zA-Z][_-]?)+)`)
)

// asked returns the model of the account that a call describes, or refuses. The words
// for a missing one imitate AWS's, since no real exchange is known.
func (e *Emulator) asked(c *call, member string, pattern *lazyregexp.Regexp, called string) (*resource, error) {
	if !pattern.MatchString(c.parameter) {
		return nil, mismatch(c.parameter, member, pattern)
	}
	r := e.resource(c.operation.resource, c.parameter, c.region)
	if r == nil {
		return nil, notFound("The specified %s could not be found.", called)
	}
	return r, nil
}

func (e *Emulator) getProvisionedModelThroughput(c *call) error {
	r, err := e.asked(c, "provisionedModelId", provisionedModelID, "provisioned model")
	if err != nil {
		return err
	}
	var w jsonx.Writer
	w.Object()
	writeDay(&w, "creationTime", r.created)
	w.Key("desiredModelArn")
	w.String(r.runs)
	w.Key("desiredModelUnits")
	w.Int(1)
	w.Key("foundationModelArn")
	w.String(modelARN(r.region, r.base))
	writeDay(&w, "lastModifiedTime", r.created)
	w.Key("modelArn")
	w.String(r.runs)
	w.Key("modelUnits")
	w.Int(1)
	w.Key("provisionedModelArn")
	w.String(r.arn)
	w.Key("provisionedModelName")
	w.String(r.name)
	w.Key("status")
	w.String("InService")
	w.EndObject()
	return c.writeJSON(w.Buf)
}

func (e *Emulator) getCustomModelDeployment(c *call) error {
	r, err := e.asked(c, "customModelDeploymentIdentifier", deploymentIdentifier, "custom model deployment")
	if err != nil {
		return err
	}
	var w jsonx.Writer
	w.Object()
	writeDay(&w, "createdAt", r.created)
	w.Key("customModelDeploymentArn")
	w.String(r.arn)
	writeDay(&w, "lastUpdatedAt", r.created)
	w.Key("modelArn")
	w.String(r.runs)
	w.Key("modelDeploymentName")
	w.String(r.name)
	w.Key("status")
	w.String("Active")
	w.EndObject()
	return c.writeJSON(w.Buf)
}

func (e *Emulator) getImportedModel(c *call) error {
	r, err := e.asked(c, "modelIdentifier", importedModelIdentity, "imported model")
	if err != nil {
		return err
	}
	var w jsonx.Writer
	w.Object()
	writeDay(&w, "creationTime", r.created)
	w.Key("customModelUnits")
	w.Object()
	w.Key("customModelUnitsPerModelCopy")
	w.Int(1)
	w.Key("customModelUnitsVersion")
	w.String("v1.0")
	w.EndObject()
	w.Key("instructSupported")
	w.Bool(true)
	w.Key("jobArn")
	w.String(e.accountARN(r.region, "model-import-job", r.id))
	w.Key("jobName")
	w.String("import-" + r.id)
	if r.architecture != "" {
		w.Key("modelArchitecture")
		w.String(r.architecture)
	}
	w.Key("modelArn")
	w.String(r.arn)
	w.Key("modelDataSource")
	w.Object()
	w.Key("s3DataSource")
	w.Object()
	w.Key("s3Uri")
	w.String("s3://emulated-models/" + r.id + "/")
	w.EndObject()
	w.EndObject()
	w.Key("modelName")
	w.String(r.name)
	w.EndObject()
	return c.writeJSON(w.Buf)
}
