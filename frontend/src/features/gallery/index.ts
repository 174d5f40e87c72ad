export { Filmstrip } from './Filmstrip'
export { findUpload, useUploadPicture, useUploads } from './uploads'
export { useViewer } from './viewer'
export { ViewerProvider } from './ViewerProvider'
