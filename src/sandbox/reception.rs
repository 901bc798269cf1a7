//! Where requests arrive, are charged, and get what goes back.

use super::scenario::Act;
use super::script::Reply;
use super::state::{Seen, State};
use super::wire::{Answer, Delivery};
use super::{SandboxOptions, pospal, v8std};
use crate::model::Endpoint;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

/// Requests that are kept for a look at them; a sandbox may run for weeks.
const KEPT_REQUESTS: usize = 10_000;

impl State {
    /// A request has come in: counts it, and says what goes back.
    pub(super) fn receive(
        &mut self,
        endpoint: Endpoint,
        headers: HeaderMap,
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Delivery {
        let arrived = &mut self.arrived[usize::from(endpoint != Endpoint::Login)];
        *arrived += 1;
        let SandboxOptions { scenario, seed, timezone, .. } = self.options;
        let (act, reply) = match self.dark {
            true => (Act::Dark, None),
            false => (scenario.act(seed, *arrived, now, timezone, endpoint), self.script.next(endpoint)),
        };
        let mut seen = Seen { at: now, endpoint, headers, body, charged_to: None, reply: String::new() };
        if act != Act::Dark || reply.is_some() {
            seen.charged_to = pospal::charge(self, &seen);
        }
        let delivery = match reply {
            Some(reply) => self.scripted(reply, &seen),
            None => self.unscripted(act, &seen),
        };
        seen.reply = delivery.in_words();
        if self.requests.len() == KEPT_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(seen);
        delivery
    }

    fn scripted(&mut self, reply: Reply, seen: &Seen) -> Delivery {
        match reply {
            Reply::Http { status, headers, body } => Delivery::Whole(Answer::scripted(status, &headers, body)),
            Reply::Refuse => Delivery::Whole(self.ordinary(seen, true)),
            Reply::Hang => Delivery::Hang,
            Reply::CloseWithoutAnswer => Delivery::Close,
            Reply::CutBody => Delivery::Cut(self.ordinary(seen, false)),
            Reply::Delay(time) => Delivery::After(time, self.ordinary(seen, false)),
        }
    }

    fn unscripted(&mut self, act: Act, seen: &Seen) -> Delivery {
        match act {
            Act::Answer => Delivery::Whole(self.ordinary(seen, false)),
            Act::Refuse => Delivery::Whole(self.ordinary(seen, true)),
            Act::AnswerAfter(time) => Delivery::After(time, self.ordinary(seen, false)),
            Act::Broken(status) => Delivery::Whole(Answer::page(status, "nginx: the backend does not answer")),
            Act::Html => Delivery::Whole(Answer::page(200, "Welcome to our Wi-Fi! Please log in.")),
            Act::Cut => Delivery::Cut(self.ordinary(seen, false)),
            Act::Close | Act::Dark => Delivery::Close,
        }
    }

    /// The vendor's own answer to a request that is charged already.
    fn ordinary(&mut self, seen: &Seen, refuse: bool) -> Answer {
        match seen.endpoint {
            Endpoint::Login => v8std::answer(self, seen, refuse),
            Endpoint::AccessConfig | Endpoint::DailyAccess => {
                let turn = self.arrived[1];
                Answer::packed(pospal::answer(self, seen, refuse), seen.header("accept-encoding"), turn)
            }
        }
    }
}
