data "aws_iam_policy_document" "__of_empty" {
}
