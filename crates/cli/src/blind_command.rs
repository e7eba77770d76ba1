//! `keepward blind`: blind credentials, sealed and opened here.

use keep::{Plaintext, Random};
use local::{SystemClock, SystemRandom};
use serde_json::{Map, Value, json};

use crate::arguments::{BlindCommand, BlindCreate, BlindRead, BlindUpdate, Format, Sealing};
use crate::blind::{self, Region};
use crate::changes::{Changes, object};
use crate::client::Client;
use crate::credential_command::nothing_named;
use crate::exit::{Failure, Kind, Outcome};
use crate::formats;
use crate::listing::{listed, saved};
use crate::output;
use crate::revisions::{self, Noun};

const NOUN: Noun = Noun::BlindCredential;

pub(crate) fn run(command: BlindCommand) -> Outcome {
    match command {
        BlindCommand::Create(command) => create(&command),
        BlindCommand::Read(command) => read(&command),
        BlindCommand::Update(command) => update(&command),
        BlindCommand::Show { id, connection } => {
            output::json(&NOUN.current(&Client::connect(&connection)?, &id)?)
        }
        BlindCommand::List { connection } => {
            let list = Client::connect(&connection)?.get("/v1/blind_credentials")?;
            listed(&connection, &list, NOUN.plural(), NOUN.columns())
        }
        BlindCommand::History(history) => revisions::history(NOUN, &history),
        BlindCommand::Revert(revert) => revisions::revert(NOUN, &revert),
    }
}

fn create(command: &BlindCreate) -> Outcome {
    blind::needs_aws()?;
    // Before a value is asked for.
    let client = Client::connect(&command.connection)?;
    let regions = command.sealing.regions(&client, &Map::new())?;
    let pairs = command.pairs.read()?;
    let mut body = command.fields.body();
    body.entry("enabled").or_insert(json!(true));
    body.entry("documentation").or_insert(Value::Null);
    body.insert("name".to_owned(), command.name.as_str().into());
    seal_into(&mut body, &pairs, &regions, &command.sealing)?;
    let metadata = with_contexts(object(body.get("metadata")), &regions);
    body.insert("metadata".to_owned(), metadata);
    let created = client.post("/v1/blind_credentials", &body)?;
    saved(&command.connection, NOUN.word(), &created)
}

fn read(command: &BlindRead) -> Outcome {
    let client = Client::connect(&command.connection)?;
    let mut credential = [NOUN.current(&client, &command.id)?];
    blind::open_all(&mut credential, command.region.as_deref())?;
    let [credential] = credential;
    if command.format == Format::Json {
        return output::json(&credential);
    }
    let alone = json!({ "blind_credentials": [credential] });
    output::text(&formats::print(alone, command.format, &command.naming)?)
}

fn update(command: &BlindUpdate) -> Outcome {
    let BlindUpdate {
        id,
        name,
        pairs,
        sealing,
        fields,
        dry_run,
        connection,
    } = command;
    if pairs.are_given() && !dry_run {
        blind::needs_aws()?;
    }
    let client = Client::connect(connection)?;
    let mut body = fields.body();
    if let Some(name) = name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    if body.is_empty() && !pairs.are_given() {
        return Err(nothing_named());
    }
    let current = NOUN.current(&client, id)?;
    let stored = object(current.get("metadata"));
    let contexts = object(stored.get("context"));
    if pairs.are_given() {
        let regions = sealing.regions(&client, &contexts)?;
        let pairs = pairs.read()?.unwrap_or_default();
        if *dry_run {
            let regions = regions
                .iter()
                .map(|region| (region.name.clone(), Value::Null));
            body.insert(
                "credential_pairs".to_owned(),
                Map::from_iter(regions).into(),
            );
            body.insert("credential_keys".to_owned(), sealing.stored_keys(&pairs));
        } else {
            seal_into(&mut body, &pairs, &regions, sealing)?;
        }
        let metadata = body.get("metadata").map_or(stored, |new| object(Some(new)));
        body.insert("metadata".to_owned(), with_contexts(metadata, &regions));
    } else if let Some(Value::Object(metadata)) = body.get_mut("metadata") {
        // Without them nobody could open what is stored.
        metadata.insert("context".to_owned(), contexts.into());
    }
    if *dry_run {
        return Changes::by(&current, &body).print_dry_run(connection);
    }
    let updated = client.put(&NOUN.path(id), &body)?;
    saved(connection, NOUN.word(), &updated)
}

/// Seals the pairs for each region, and puts what came of it into `body`.
fn seal_into(
    body: &mut Map<String, Value>,
    pairs: &Map<String, Value>,
    regions: &[Region],
    sealing: &Sealing,
) -> Outcome {
    // As Python prints it: the text has its final size from the start.
    let text = confidant::python_json_text(pairs).into_bytes();
    let text = Plaintext::new(text.into_boxed_slice());
    let random: &dyn Random = &SystemRandom;
    let (mut tokens, mut data_keys) = (Map::new(), Map::new());
    for region in regions {
        let sealed = blind::seal(region, &text, &SystemClock::new(), random.bytes())?;
        tokens.insert(region.name.clone(), sealed.token.into());
        data_keys.insert(region.name.clone(), sealed.data_key.into());
    }
    body.insert("credential_pairs".to_owned(), tokens.into());
    body.insert("data_key".to_owned(), data_keys.into());
    body.insert("cipher_type".to_owned(), "fernet".into());
    body.insert("cipher_version".to_owned(), 2.into());
    body.insert("credential_keys".to_owned(), sealing.stored_keys(pairs));
    Ok(())
}

/// Metadata with the encryption contexts in the place where clients look for them.
fn with_contexts(mut metadata: Map<String, Value>, regions: &[Region]) -> Value {
    let contexts = regions.iter().map(|region| {
        let pairs = region.context.iter();
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.into()));
        (region.name.clone(), Map::from_iter(pairs).into())
    });
    metadata.insert("context".to_owned(), Map::from_iter(contexts).into());
    metadata.into()
}

impl Sealing {
    /// The names of the pairs that the server is told.
    fn stored_keys(&self, pairs: &Map<String, Value>) -> Value {
        if self.no_store_keys {
            return json!([]);
        }
        pairs.keys().cloned().collect()
    }

    /// The regions to seal for: as typed, else as stored, else as the server's operator decided.
    ///
    /// Errors: `Usage`, naming the flag that is missing or the region without a context.
    fn regions(&self, client: &Client, stored: &Map<String, Value>) -> Outcome<Vec<Region>> {
        let typed = (&self.blind_keys, &self.blind_contexts, &self.group_context);
        let defined = match typed {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Map::new(),
            _ => object(client.get("/v1/client_config")?.get("defined")),
        };
        let keys = match &self.blind_keys {
            Some(keys) => keys.clone(),
            None => object(defined.get("blind_keys")),
        };
        if keys.is_empty() {
            return Err(missing(
                "no region's key to seal under is named",
                "--blind-keys, or blind_keys in the server's CLIENT_CONFIG,",
            ));
        }
        let contexts = match (&self.blind_contexts, &self.group_context) {
            (Some(contexts), _) => contexts.clone(),
            (None, Some(context)) => keys
                .keys()
                .map(|region| (region.clone(), context.clone().into()))
                .collect(),
            (None, None) if !stored.is_empty() => stored.clone(),
            (None, None) => object(defined.get("blind_contexts")),
        };
        keys.iter()
            .map(|(region, key)| {
                let key = key.as_str().ok_or_else(|| {
                    missing(&format!("the key for {region} is no text"), "--blind-keys")
                })?;
                let context = contexts.get(region).and_then(blind::context_of);
                let context = context.filter(|context| context.iter().next().is_some());
                Ok(Region {
                    name: region.clone(),
                    key: key.to_owned(),
                    context: context.ok_or_else(|| {
                        missing(
                            &format!("there is no encryption context of texts for {region}"),
                            "--blind-contexts or --group-context, or blind_contexts in the server's \
                             CLIENT_CONFIG,",
                        )
                    })?,
                })
            })
            .collect()
    }
}

fn missing(what: &str, where_from: &str) -> Failure {
    Failure::new(Kind::Usage, what).hint(format!("{where_from} names it"))
}
