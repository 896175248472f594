package outcrop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"outcrop"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/llm"
	"outcrop/provider/all"
)

// newClient makes a client whose calls go to an emulator in this process. Real
// calls need only outcrop.New(outcrop.Options{}) and AWS credentials.
func newClient(ctx context.Context) (client *outcrop.Client, stop func()) {
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server := emulator.NewServer(e)
	if err := server.Start(ctx, "127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml",
		Data: []byte(`
model_list:
  - model_name: granite
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_region_name: us-east-1
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_bedrock_runtime_endpoint: ` + server.URL() + "\n"),
		LookupEnv: os.LookupEnv,
		Providers: all.Providers(),
	})
	if cfg == nil {
		log.Fatal(problems)
	}
	client, err = outcrop.New(outcrop.Options{Config: cfg})
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		_ = client.Close()
		_ = server.Stop(ctx)
	}
}

func ExampleClient_Complete() {
	ctx := context.Background()
	client, stop := newClient(ctx)
	defer stop()
	resp, err := client.Complete(ctx, &outcrop.Request{
		Call:  outcrop.Call{Model: "granite"},
		Turns: []outcrop.Turn{outcrop.User("What is granite?")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcrop.Text(resp))
	fmt.Println(resp.Meta.Destination)
	// Output:
	// You said: What is granite?
	// api=converse; region=us-east-1; id=us.anthropic.claude-sonnet-4-5-20250929-v1:0
}

func ExampleClient_Stream() {
	ctx := context.Background()
	client, stop := newClient(ctx)
	defer stop()
	stream, err := client.Stream(ctx, &outcrop.Request{
		Call:  outcrop.Call{Model: "granite"},
		Turns: []outcrop.Turn{outcrop.User("What is granite?")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	var ev outcrop.Event
	for {
		err := stream.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err) // an answer that broke off is always an error
		}
		if ev.Kind == llm.EventDelta {
			fmt.Print(ev.Text)
		}
	}
	// Output: You said: What is granite?
}

// An error states what went wrong, who has to act and whether a retry can help.
func ExampleError() {
	ctx := context.Background()
	client, stop := newClient(ctx)
	defer stop()
	_, err := client.Complete(ctx, &outcrop.Request{Call: outcrop.Call{Model: "basalt"}, Turns: []outcrop.Turn{outcrop.User("Hi")}})
	if e, ok := errors.AsType[*outcrop.Error](err); ok {
		fmt.Println(e.Code, e.Status, e.Responsible(), e.CanRetry())
	}
	// Output: gateway.model_not_found 404 caller no
}
