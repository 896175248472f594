data "aws_iam_policy_document" "__of_several" {
  statement {
    sid    = "InvokeProfile"
    effect = "Allow"

    actions = [
      "bedrock:InvokeModel",
      "bedrock:InvokeModelWithResponseStream",
    ]

    resources = [
      "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
      "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
      "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    ]
  }

  statement {
    sid    = "InvokeModelThroughProfile"
    effect = "Allow"

    actions = [
      "bedrock:InvokeModel",
      "bedrock:InvokeModelWithResponseStream",
    ]

    resources = [
      "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
      "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
      "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    ]

    condition {
      test     = "StringEquals"
      variable = "bedrock:InferenceProfileArn"
      values = [
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
      ]
    }
  }

  statement {
    sid    = "InvokeModelHereThroughProfile"
    effect = "Allow"

    actions = [
      "bedrock:InvokeModel",
      "bedrock:InvokeModelWithResponseStream",
    ]

    resources = [
      "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    ]

    condition {
      test     = "StringEquals"
      variable = "bedrock:InferenceProfileArn"
      values = [
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
      ]
    }
  }

  statement {
    sid    = "InvokeModelAnywhereThroughProfile"
    effect = "Allow"

    actions = [
      "bedrock:InvokeModel",
      "bedrock:InvokeModelWithResponseStream",
    ]

    resources = [
      "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values = [
        "unspecified",
      ]
    }

    condition {
      test     = "StringEquals"
      variable = "bedrock:InferenceProfileArn"
      values = [
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
      ]
    }
  }

  statement {
    sid    = "CreateBatchJob"
    effect = "Allow"

    actions = [
      "bedrock:CreateModelInvocationJob",
    ]

    resources = [
      "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
      "arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/*",
    ]
  }

  statement {
    sid    = "WatchBatchJobs"
    effect = "Allow"

    actions = [
      "bedrock:GetModelInvocationJob",
      "bedrock:StopModelInvocationJob",
    ]

    resources = [
      "arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/*",
    ]
  }

  statement {
    sid    = "ListBatchJobs"
    effect = "Allow"

    actions = [
      "bedrock:ListModelInvocationJobs",
    ]

    resources = [
      "*",
    ]
  }

  statement {
    sid    = "PassBatchRole"
    effect = "Allow"

    actions = [
      "iam:PassRole",
    ]

    resources = [
      "arn:aws:iam::111122223333:role/ROLE_NAME",
    ]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        "bedrock.amazonaws.com",
      ]
    }
  }
}
