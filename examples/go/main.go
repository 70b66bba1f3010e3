// Signs a user in over gRPC, locks the user, and shows why the next sign-in and the next lock are refused.
// Generate the stubs as docs/clients.md says; in this folder name theirs: go mod init example, go mod edit
// -replace github.com/lockkeeper/lockkeeper=../../proto, go mod tidy. Then, with a key of the role operator:
// LOCKKEEPER_ADDRESS=127.0.0.1:8080 LOCKKEEPER_KEY=lk_… go run . alice
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	resource "github.com/lockkeeper/lockkeeper/gen/go/lockkeeper/resource/v1"
	signin "github.com/lockkeeper/lockkeeper/gen/go/lockkeeper/signin/v1"
	user "github.com/lockkeeper/lockkeeper/gen/go/lockkeeper/user/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Asks the gate before the credential is verified, and reports the outcome. Only allowed == true lets a person in.
func signIn(ctx context.Context, gate signin.SignInServiceClient, id string, verify func() signin.AttemptOutcome) (*signin.SignInDecision, error) {
	attemptID := fmt.Sprintf("go-%020d", time.Now().UnixNano())
	subject := &signin.Subject{Subject: &signin.Subject_UserId{UserId: id}}
	begun, err := gate.BeginAttempt(ctx, &signin.BeginAttemptRequest{AttemptId: attemptID, Subject: subject, Factor: resource.Factor_FACTOR_PASSWORD})
	if err != nil || !begun.GetAdmitted() {
		return begun.GetDecision(), err
	}
	done, err := gate.CompleteAttempt(ctx, &signin.CompleteAttemptRequest{AttemptId: attemptID, Outcome: verify()})
	return done.GetDecision(), err
}

func main() {
	// For TLS: grpc.WithTransportCredentials(credentials.NewTLS(nil)) in the place of WithInsecure.
	connection, err := grpc.Dial(os.Getenv("LOCKKEEPER_ADDRESS"), grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("LOCKKEEPER_KEY"))
	users, gate := user.NewUserServiceClient(connection), signin.NewSignInServiceClient(connection)
	right := func() signin.AttemptOutcome { return signin.AttemptOutcome_ATTEMPT_OUTCOME_SUCCEEDED }
	for range [2]int{} {
		decision, err := signIn(ctx, gate, os.Args[1], right)
		if err != nil {
			log.Fatal(err) // Fail closed: nobody is let in while lockkeeper cannot be asked.
		}
		fmt.Println("allowed:", decision.GetAllowed(), decision.GetText())
		_, err = users.LockUser(ctx, &user.LockUserRequest{UserId: os.Args[1], ReasonCode: "EXAMPLE"})
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				fmt.Println("refused:", info.GetReason())
			}
		}
	}
}
