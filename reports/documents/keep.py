"""What of an object goes out for teaching: a list of what stays, so that what is new does not.

DICOM's Basic Application Confidentiality Profile (PS3.15, annex E) lists what goes; this is
stricter: an attribute that is not named here is gone, private ones and free texts among them.
Dates and times are emptied, or a dummy's where the object would be none without them.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PIXELS = _names("""
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration Rows Columns BitsAllocated
    BitsStored HighBit PixelRepresentation PixelData NumberOfFrames FrameIncrementPointer
    PixelSpacing SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue
    RescaleIntercept RescaleSlope RescaleType WindowCenter WindowWidth VOILUTFunction Units
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
    GreenPaletteColorLookupTableData BluePaletteColorLookupTableData ImageType
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
    BurnedInAnnotation PresentationLUTShape
""")
"""General image and image pixel (PS3.3, C.7.6), and how it is to be looked at."""
WHAT = _names("""
    SOPClassUID Modality ConversionType SeriesNumber InstanceNumber
    ImagePositionPatient ImageOrientationPatient SliceLocation SliceThickness
    SpacingBetweenSlices PatientPosition PatientOrientation BodyPartExamined Laterality
    ImageLaterality Manufacturer ManufacturerModelName
""")
NUCLEAR = _names("""
    TypeOfDetectorMotion
    NumberOfEnergyWindows EnergyWindowVector EnergyWindowNumber EnergyWindowLowerLimit
    EnergyWindowUpperLimit NumberOfDetectors DetectorVector NumberOfPhases PhaseVector
    NumberOfRotations RotationVector NumberOfRRIntervals RRIntervalVector NumberOfTimeSlots
    TimeSlotVector TimeSlotTime NumberOfSlices SliceVector AngularViewVector TimeSliceVector
    NumberOfTimeSlices TriggerVector NumberOfTriggersInPhase PhaseDelay PauseBetweenFrames
    PhaseDescription NumberOfFramesInPhase NumberOfFramesInRotation ActualFrameDuration
    CountsAccumulated AcquisitionTerminationCondition TableHeight TableTraverse
    CollimatorType FocalDistance XFocusCenter
    YFocusCenter ZoomCenter ZoomFactor CenterOfRotationOffset GantryDetectorTilt
    DistanceSourceToDetector StartAngle AngularStep RadialPosition RotationDirection ScanArc
    WholeBodyTechnique ScanVelocity ScanLength CorrectedImage CountRate NominalInterval
    LowRRValue HighRRValue BeatRejectionFlag SkipBeats HeartRate IntervalsAcquired
    IntervalsRejected RadionuclideTotalDose RadionuclideHalfLife RadionuclidePositronFraction
    RadiopharmaceuticalVolume SeriesType CountsSource ReprojectionMethod
    RandomsCorrectionMethod AttenuationCorrectionMethod DecayCorrection ReconstructionMethod
    ScatterCorrectionMethod DecayFactor FrameReferenceTime FrameTime ImageIndex
    ReconstructionDiameter FieldOfViewShape FieldOfViewDimensions
""")
"""Nuclear medicine and PET (PS3.3, C.8.4 and C.8.9)."""
CODES = _names("CodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning")
KEPT = PIXELS | WHAT | NUCLEAR | CODES
SEQUENCES = _names("""
    EnergyWindowInformationSequence EnergyWindowRangeSequence DetectorInformationSequence
    RotationInformationSequence PhaseInformationSequence GatedInformationSequence
    DataInformationSequence TimeSlotInformationSequence RadiopharmaceuticalInformationSequence
    RadionuclideCodeSequence RadiopharmaceuticalCodeSequence AdministrationRouteCodeSequence
    ViewCodeSequence ViewModifierCodeSequence AnatomicRegionSequence
    PatientOrientationCodeSequence PatientOrientationModifierCodeSequence
    PatientGantryRelationshipCodeSequence
""")
RENAMED = _names("SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID")
EMPTIED = _names("""
    StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyID PatientBirthDate
    PatientSex SeriesDate SeriesTime ContentDate ContentTime PositionReferenceIndicator
""")
DUMMIES = {"AcquisitionDate": "19000101", "AcquisitionTime": "000000"}
"""For PET, which must have them (PS3.3, C.8.9.4)."""
