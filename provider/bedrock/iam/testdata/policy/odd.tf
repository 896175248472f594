data "aws_iam_policy_document" "__of_odd" {
  statement {
    sid    = "Odd"
    effect = "Deny"

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    actions = [
      "bedrock:InvokeModel",
    ]

    resources = [
      "*",
    ]

    condition {
      test     = "StringNotLike"
      variable = "aws:PrincipalTag/a\"b"
      values = [
        "$${aws:username}",
        "%%{x}\\\n",
      ]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values = [
        "false",
      ]
    }

    condition {
      test     = "StringNotLike"
      variable = "aws:RequestedRegion"
      values = [
        "eu-*",
      ]
    }
  }

  statement {
    sid    = "SubscribeThroughBedrock"
    effect = "Allow"

    actions = [
      "aws-marketplace:Subscribe",
      "aws-marketplace:ViewSubscriptions",
    ]

    resources = [
      "*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:CalledViaLast"
      values = [
        "bedrock.amazonaws.com",
      ]
    }
  }
}
