export type QueueLimits = {
  /** Jobs that wait, those of all lanes together. */
  readonly all: number
  readonly perLane: number
}

export type FairQueue = {
  /**
   * Runs a job when its turn comes. Lanes take turns; `first` goes before all lanes and has room of its own.
   * @returns 'full' where too many wait already
   */
  run<Result>(lane: string, first: boolean, job: () => Promise<Result>): Promise<Result> | 'full'
}

type Job = () => Promise<void>

/** One job at a time, so that who asks for many only delays himself. */
export const fairQueue = (limits: QueueLimits): FairQueue => {
  const preferred: Job[] = []
  const lanes = new Map<string, Job[]>()
  let inLanes = 0
  let running = false
  const next = (): Job | undefined => {
    const known = preferred.shift()
    if (known !== undefined) return known
    for (const [lane, jobs] of lanes) {
      lanes.delete(lane)
      const job = jobs.shift()
      if (jobs.length > 0) lanes.set(lane, jobs)
      if (job === undefined) continue
      inLanes--
      return job
    }
    return undefined
  }
  const work = async (): Promise<void> => {
    if (running) return
    running = true
    for (let job = next(); job !== undefined; job = next()) await job()
    running = false
  }
  const hasRoom = (lane: string, first: boolean): boolean =>
    first
      ? preferred.length < limits.all
      : inLanes < limits.all && (lanes.get(lane)?.length ?? 0) < limits.perLane
  return {
    run: (lane, first, job) => {
      if (!hasRoom(lane, first)) return 'full'
      return new Promise((resolve, reject) => {
        const turn: Job = () => job().then(resolve, reject)
        if (first) preferred.push(turn)
        else {
          lanes.set(lane, [...(lanes.get(lane) ?? []), turn])
          inLanes++
        }
        void work()
      })
    },
  }
}
