//! The previews' ports on this machine: components as the configuration declares them, built and run.
//!
//! Here a stack's purpose becomes its data: production sees all of it, a mix its owner's alone, a preview none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use folkops_model::{
    ComponentName, Digest, Failure, FailureKind, StackKind, StackName, StackSpec, TreeId, Trust,
};
use folkops_previews::ports::{BuildJob, RunningStack, Stacks, Unavailable, Workshop};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all, try_join_all};
use jiff::{SignedDuration, Timestamp};

use crate::builder::{BuildError, BuildRequest, Builder};
use crate::found::{RunningUnit, UnitState};
use crate::health;
use crate::spec::{DataMount, Health, Limits, Recipe, Toolchain, UnitKey, UnitSpec};
use crate::units::{RunError, Swept, Units};

/// How much longer than its stack a process lives by itself: traffic is led away first, by a bot that is alive.
const LEAVE: SignedDuration = SignedDuration::from_secs(20);

/// One component as the configuration declares it.
#[derive(Debug, Clone)]
pub struct ComponentPlan {
    /// How it is built.
    pub recipe: Recipe,
    /// How it is run; see [`UnitSpec`] for what is filled in.
    pub argv: Vec<String>,
    /// Its environment. `{release}` stands for what runs in plain words.
    pub env: BTreeMap<String, String>,
    /// Components that it calls.
    pub peers: Vec<ComponentName>,
    /// Tools that it needs to run.
    pub toolchains: Vec<Toolchain>,
    /// How it shows that it works.
    pub health: Health,
    /// Its bounds.
    pub limits: Limits,
    /// What it keeps.
    pub state: State,
}

/// What a component keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing that outlives its process.
    Empty,
    /// Data; previews and mixes start from a copy of this folder instead.
    Seed {
        /// What is copied.
        from: PathBuf,
    },
    /// Data in a folder for each owner; a mix works on its owner's, a preview on none.
    SharedWithOwnerScope,
}

/// This machine as a place to build and to run.
pub struct Target {
    builder: Builder,
    units: Units,
    data: PathBuf,
    components: BTreeMap<ComponentName, ComponentPlan>,
}

impl Target {
    /// Builds and runs these components; real data lies below `data`, in a folder for each.
    pub fn new(
        builder: Builder,
        units: Units,
        data: PathBuf,
        components: BTreeMap<ComponentName, ComponentPlan>,
    ) -> Self {
        Self { builder, units, data, components }
    }

    /// The units themselves, for sockets, logs and what else the ports do not ask for.
    pub fn units(&self) -> &Units {
        &self.units
    }

    /// Removes what is left of units past their deadline; see [`Units::sweep`].
    pub async fn sweep(&self, now: Timestamp, known: impl Fn(&StackName) -> bool) -> Result<Swept, RunError> {
        self.units.sweep(now, known).await
    }

    fn plan(&self, component: &ComponentName) -> Result<&ComponentPlan, Failure> {
        let unknown =
            || broken(format!("there is no component `{component}` in the configuration; add it there"));
        self.components.get(component).ok_or_else(unknown)
    }

    fn unit(
        &self,
        stack: &StackSpec,
        component: &ComponentName,
        digest: &Digest,
    ) -> Result<UnitSpec, Failure> {
        let plan = self.plan(component)?;
        let named =
            |(name, value): (&String, &String)| (name.clone(), value.replace("{release}", &stack.label));
        Ok(UnitSpec {
            key: UnitKey { stack: stack.name.clone(), component: component.clone() },
            digest: digest.clone(),
            argv: plan.argv.clone(),
            env: plan.env.iter().map(named).collect(),
            peers: plan.peers.clone(),
            toolchains: plan.toolchains.clone(),
            data: self.data(&stack.kind, component, &plan.state),
            health: plan.health.clone(),
            limits: plan.limits.clone(),
            trust: stack.trust,
            deadline: stack.deadline.map(|deadline| deadline + LEAVE),
            labels: BTreeMap::from([("label".to_owned(), stack.label.clone())]),
        })
    }

    fn data(&self, kind: &StackKind, component: &ComponentName, state: &State) -> DataMount {
        let root = self.data.join(component.as_str());
        match (state, kind) {
            (State::Empty, _) | (State::SharedWithOwnerScope, StackKind::Preview(_)) => DataMount::Empty,
            (_, StackKind::Production(_)) => DataMount::Whole { root },
            (State::Seed { from }, _) => DataMount::Seed { from: from.clone() },
            (State::SharedWithOwnerScope, StackKind::Mix { owner, .. }) => {
                DataMount::OwnerScope { root, owner: owner.clone() }
            }
        }
    }

    async fn run_all(&self, stack: &StackSpec) -> Result<(), Failure> {
        let specs = stack.builds.iter().map(|(component, digest)| self.unit(stack, component, digest));
        let specs: Vec<_> = specs.collect::<Result<_, _>>()?;
        let before = self.units.list().map_err(run_failure)?;
        let up = async {
            for spec in &specs {
                self.units.start(spec).await?;
            }
            try_join_all(specs.iter().map(|spec| self.units.await_healthy(&spec.key, &spec.health))).await
        };
        let Err(error) = up.await else { return Ok(()) };
        // What ran before stays, even if it is not well: this is not the place to take production down.
        let ran = |spec: &&UnitSpec| before.iter().any(|unit| unit.key == spec.key && unit.keeper.is_some());
        for spec in specs.iter().filter(|spec| !ran(spec)) {
            self.units.stop(&spec.key).await.map_err(run_failure)?;
        }
        Err(run_failure(error))
    }

    async fn see(&self, units: Vec<RunningUnit>) -> bool {
        let answers = units.iter().map(|unit| async move {
            let path = self.components.get(&unit.key.component).map(|plan| plan.health.path.as_str());
            unit.state == UnitState::Running && health::ask(&unit.socket, path.unwrap_or("/")).await.is_ok()
        });
        join_all(answers).await.into_iter().all(|healthy| healthy)
    }

    fn units_of(&self, stack: &StackName) -> Result<Vec<RunningUnit>, RunError> {
        Ok(self.units.list()?.into_iter().filter(|unit| unit.key.stack == *stack).collect())
    }
}

impl Workshop for Target {
    fn build<'a>(&'a self, job: BuildJob<'a>) -> BoxFuture<'a, Result<Digest, Failure>> {
        async move {
            let BuildJob { component, tree, source, trust } = job;
            let recipe = &self.plan(component)?.recipe;
            let request = BuildRequest { component, tree, source, recipe, trust };
            let built = self.builder.build(request, &mut |_| {}).await;
            built.map(|built| built.digest).map_err(build_failure)
        }
        .boxed()
    }

    fn kept(&self, component: &ComponentName, tree: &TreeId, trust: Trust) -> Option<Digest> {
        self.builder.kept(tree, &self.components.get(component)?.recipe, trust)
    }
}

impl Stacks for Target {
    fn run<'a>(&'a self, spec: &'a StackSpec) -> BoxFuture<'a, Result<(), Failure>> {
        self.run_all(spec).boxed()
    }

    fn stop<'a>(&'a self, stack: &'a StackName) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.units.stop_stack(stack).map(|stopped| stopped.map_err(unavailable)).boxed()
    }

    fn extend<'a>(
        &'a self,
        stack: &'a StackName,
        deadline: Timestamp,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        async move {
            let units = self.units_of(stack).map_err(unavailable)?;
            if !units.iter().any(|unit| unit.keeper.is_some()) {
                return Err(Unavailable(format!("nothing of `{stack}` runs any more; ask for it again")));
            }
            let moved = units.iter().map(|unit| self.units.set_deadline(&unit.key, Some(deadline + LEAVE)));
            moved.collect::<Result<(), _>>().map_err(unavailable)
        }
        .boxed()
    }

    fn running<'a>(&'a self) -> BoxFuture<'a, Result<Vec<RunningStack>, Unavailable>> {
        async move {
            let mut stacks = BTreeMap::<StackName, Vec<RunningUnit>>::new();
            for unit in self.units.list().map_err(unavailable)? {
                stacks.entry(unit.key.stack.clone()).or_default().push(unit);
            }
            let seen = stacks.into_iter().map(|(name, units)| async move {
                let living = units.iter().filter(|unit| unit.keeper.is_some());
                let builds = living.map(|unit| (unit.key.component.clone(), unit.digest.clone())).collect();
                let deadline = units.iter().filter_map(|unit| unit.deadline).min();
                RunningStack { name, builds, deadline, healthy: self.see(units).await }
            });
            Ok(join_all(seen).await)
        }
        .boxed()
    }
}

fn build_failure(error: BuildError) -> Failure {
    let kind = match error {
        BuildError::NoWall(_) => FailureKind::NoWall,
        BuildError::Broken(_) => FailureKind::Broken,
        _ => FailureKind::BuildFailed,
    };
    let sentence = error.to_string();
    let log = match error {
        BuildError::Failed { log_tail, .. }
        | BuildError::TimedOut { log_tail, .. }
        | BuildError::OutputMissing { log_tail, .. } => Some(log_tail),
        _ => None,
    };
    Failure { kind, sentence, log }
}

fn run_failure(error: RunError) -> Failure {
    let sentence = error.to_string();
    let (kind, log) = match error {
        RunError::NoWall(_) => (FailureKind::NoWall, None),
        RunError::Failed { log_tail, .. } | RunError::NeverHealthy { log_tail, .. } => {
            (FailureKind::NeverHealthy, Some(log_tail))
        }
        RunError::Build(_) | RunError::PathTooLong(_) | RunError::Broken(_) => (FailureKind::Broken, None),
    };
    Failure { kind, sentence, log }
}

fn unavailable(error: RunError) -> Unavailable {
    Unavailable(error.to_string())
}

fn broken(sentence: String) -> Failure {
    Failure { kind: FailureKind::Broken, sentence, log: None }
}
