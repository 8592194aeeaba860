import { signal } from '@preact/signals';
import ELK, { type ElkNode } from 'elkjs/lib/elk-api.js';
import type { ChartStructure } from '../../../projections/chart-structure.ts';
import { arrowsOf, graphOf } from '../model/chart-graph.ts';
import { type ChartPicture, type LaidOutGraph, pictureOf } from '../model/chart-picture.ts';
import { ask } from './daemon.ts';

/** The chart of this daemon and its picture. Laid out once, in a thread of its own, when the first instance is looked at. */

const WORKER_URL = new URL('../../../../packages/elk-worker.js', import.meta.url);

export interface DrawnChart {
  readonly chart: ChartStructure;
  readonly picture: ChartPicture;
}

export const drawnChart = signal<DrawnChart | null>(null);
export const chartProblem = signal<string | null>(null);

let isAsked = false;

export function wantChart(): void {
  if (isAsked) return;
  isAsked = true;
  layOut().catch((error: unknown) => {
    isAsked = false;
    chartProblem.value = error instanceof Error ? error.message : String(error);
  });
}

async function layOut(): Promise<void> {
  const { body: chart } = await ask<ChartStructure>('/v1/chart');
  const elk = new ELK({ workerFactory: () => new Worker(WORKER_URL) });
  try {
    const layouts = await Promise.all(
      chart.regions.map((region) => elk.layout(graphOf(region, arrowsOf(region)) as ElkNode)),
    );
    drawnChart.value = { chart, picture: pictureOf(chart, layouts as LaidOutGraph[]) };
    chartProblem.value = null;
  } finally {
    elk.terminateWorker();
  }
}
