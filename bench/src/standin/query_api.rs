//! IAM and STS, as far as servers ask at start: there are no roles, and the account is a made-up one.

use super::refusal::Refusal;

pub(super) fn call(action: &str) -> Result<String, Refusal> {
    match action {
        "GetCallerIdentity" => Ok(CALLER.to_owned()),
        "ListRoles" => Ok(NO_ROLES.to_owned()),
        _ => Err(Refusal {
            status: 404,
            body: NO_SUCH_ENTITY.to_owned(),
        }),
    }
}

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDABENCH</UserId>\
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
const NO_ROLES: &str = "<ListRolesResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListRolesResult>\
<IsTruncated>false</IsTruncated><Roles/></ListRolesResult></ListRolesResponse>";
const NO_SUCH_ENTITY: &str = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
<Type>Sender</Type><Code>NoSuchEntity</Code><Message>none here</Message></Error></ErrorResponse>";
