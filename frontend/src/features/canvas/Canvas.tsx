import '@xyflow/react/dist/base.css'

import {
  Background,
  BackgroundVariant,
  ConnectionMode,
  ReactFlow,
  SelectionMode,
  useReactFlow,
  type EdgeTypes,
  type NodeTypes,
} from '@xyflow/react'
import { useCallback, useRef, type MouseEvent, type Ref } from 'react'

import { moveNodes } from '@/domain/document/operations'
import { layOutGraph } from '@/domain/layout/layered'
import { useGraphPart, useStudio } from '@/features/session'
import { text } from '@/shared/messages'

import { FIT, MAX_ZOOM, MIN_ZOOM } from './camera'
import { CanvasControls } from './CanvasControls'
import { CanvasDrop } from './CanvasDrop'
import { DragLine } from './DragLine'
import { FlowCard } from './FlowCard'
import { LinkEdge } from './LinkEdge'
import type { CanvasPort } from './port'
import { useCamera } from './useCamera'
import { useCanvasPort } from './useCanvasPort'
import { useConnecting } from './useConnecting'
import { useFlowEdges, type FlowEdge } from './useFlowEdges'
import { useFlowNodes, type FlowNode } from './useFlowNodes'

const NODE_TYPES: NodeTypes = { card: FlowCard }
const EDGE_TYPES: EdgeTypes = { link: LinkEdge }
const DRIFT_PX = 5
const CONNECT_RADIUS_PX = 26
const DOT_GAP = 24

interface Props {
  /** Filled with what others may ask of the canvas. */
  readonly port: Ref<CanvasPort>
  readonly onDropFiles: (files: readonly File[], at: { x: number; y: number }) => void
}

/** The graph: camera, gestures, links. Knows nothing of files, runs or saving. */
export function Canvas({ port, onDropFiles }: Props) {
  const { session, catalog } = useStudio()
  const flow = useReactFlow()
  const pane = useRef<HTMLDivElement>(null)
  const { flowNodes, changeNodes, dropNodes } = useFlowNodes()
  const { flowEdges, changeEdges, selectedEdges } = useFlowEdges()
  const { startDrag, endDrag } = useConnecting()
  const isEmpty = useGraphPart((graph) => graph.nodes.size === 0)
  useCamera()
  useCanvasPort(port, pane, selectedEdges)

  const openPalette = useCallback(
    (event: MouseEvent) => {
      const isPane = event.target instanceof Element && event.target.matches('.react-flow__pane')
      if (!isPane) return
      const screen = { x: event.clientX, y: event.clientY }
      session.view.setState({
        palette: { screen, flow: flow.screenToFlowPosition(screen), drag: null },
      })
    },
    [session, flow],
  )
  const tidyUp = () => {
    const tidy = layOutGraph(session.graph.getSnapshot(), catalog)
    moveNodes(session.document, new Map([...tidy.nodes].map(([id, node]) => [id, node.position])))
    session.undo.seal()
    requestAnimationFrame(() => void flow.fitView(FIT))
  }
  return (
    <CanvasDrop pane={pane} onDropFiles={onDropFiles} onDoubleClick={openPalette}>
      <ReactFlow<FlowNode, FlowEdge>
        nodes={flowNodes}
        edges={flowEdges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={changeNodes}
        onEdgesChange={changeEdges}
        onNodeDragStop={dropNodes}
        onSelectionDragStop={dropNodes}
        onConnectStart={startDrag}
        onConnectEnd={endDrag}
        connectionMode={ConnectionMode.Loose}
        connectionLineComponent={DragLine}
        connectionRadius={CONNECT_RADIUS_PX}
        connectionDragThreshold={DRIFT_PX}
        nodeDragThreshold={DRIFT_PX}
        connectOnClick={false}
        onlyRenderVisibleElements
        zoomOnDoubleClick={false}
        selectionMode={SelectionMode.Partial}
        multiSelectionKeyCode={['Control', 'Meta', 'Shift']}
        deleteKeyCode={null}
        disableKeyboardA11y
        minZoom={MIN_ZOOM}
        maxZoom={MAX_ZOOM}
        fitView
        fitViewOptions={{ ...FIT, duration: 0 }}
        proOptions={{ hideAttribution: true }}
        aria-label={text.canvas.label}
      >
        <Background variant={BackgroundVariant.Dots} gap={DOT_GAP} size={1.5} />
      </ReactFlow>
      {isEmpty && (
        <div className="canvas-empty">
          <h2>{text.canvas.emptyTitle}</h2>
          <p>{text.canvas.emptyHint}</p>
        </div>
      )}
      <CanvasControls onTidy={tidyUp} />
    </CanvasDrop>
  )
}
